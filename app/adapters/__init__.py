"""What speaks to a foreign library or server."""
