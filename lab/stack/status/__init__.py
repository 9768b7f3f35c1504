"""Finds out whether the parts of the stack run, and describes the stack to its user."""
