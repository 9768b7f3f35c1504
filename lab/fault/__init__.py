"""Faults of the local stack, made on purpose, to be seen and healed again."""
