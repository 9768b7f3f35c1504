"""Servers that fail over: PostgreSQL nodes under Patroni, and Valkey servers under Sentinel."""
