"""The routes. Each declares its status, its limit and its types, and calls one service."""
