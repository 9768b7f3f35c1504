"""Clients of other servers, wrappers of libraries, and caches."""
