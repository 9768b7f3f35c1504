"""Middleware that logs, measures and traces requests, and changes none of them."""
