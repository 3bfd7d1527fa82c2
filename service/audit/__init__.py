"""The audit log of one service: what may be written in it, the one writer, and how it is read back."""
