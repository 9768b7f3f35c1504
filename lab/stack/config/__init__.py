"""The caller's choices, and the files, ports and secrets of the stack."""
