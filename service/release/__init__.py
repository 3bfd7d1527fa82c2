"""Releases: whether a grant may have a field's key opened, and the key, resealed to its recipient."""
