"""The way in: each route declares its status, its limit and its types, and calls one service."""
