"""Code that uses a foreign library or server."""
