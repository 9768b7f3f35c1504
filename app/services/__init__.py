"""The use cases. Each one decides the order of its steps and has its own transaction."""
