"""Breaks parts of the local stack on purpose, so that a developer can watch the effects."""
