"""The use cases: each decides the order of steps and owns its transaction."""
