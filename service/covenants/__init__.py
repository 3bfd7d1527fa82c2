"""Covenants: their immutable versions, who approved them, and which one is current."""
