"""Who takes part: parties of covenants, administrators, the other service, and the keys by which each is known."""
