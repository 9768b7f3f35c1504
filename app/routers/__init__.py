"""The routes. Each route declares its status, rate limit and types, and calls one service."""
