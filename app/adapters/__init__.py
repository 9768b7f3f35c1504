"""Clients of other servers, code around single libraries, and caches in memory."""
