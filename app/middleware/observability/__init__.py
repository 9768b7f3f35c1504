"""Logs, measures and traces requests. FastAPI calls `sampling`; the other files are middleware."""
