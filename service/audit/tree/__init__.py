"""The tree over a log's entries: who gives them their places, what is signed of it, and how it is proved."""
