"""Cached reads, which all processes share through Redis."""
