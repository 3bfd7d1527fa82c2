"""The witness of another service's logs: what it has seen of them, and what it found that cannot be."""
