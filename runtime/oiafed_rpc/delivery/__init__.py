"""Calls whose link breaks: the receiver remembers them, the caller sends them again, and each runs once."""
