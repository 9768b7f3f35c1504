"""The use cases. Each use case decides the order of its steps and has its own transaction."""
