"""Receives spans: reads the request, parses it, removes secrets, and determines stages."""
