"""Sends a request, and measures its stages at the client."""
