"""Keeps the traces, and shows each trace, the list of requests, and the statistics of routes."""
