"""The covenant as a language: read it, judge it, compare it, and decide by it. Pure: no clock, network or database."""
