"""Middleware that refuses a request before its route runs."""
