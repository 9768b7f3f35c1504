"""Logs, measures and traces requests. FastAPI calls `sampling`; the others are middleware."""
