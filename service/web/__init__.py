"""HTTP: the edge that broker and key holder share. Slices know nothing of it."""
