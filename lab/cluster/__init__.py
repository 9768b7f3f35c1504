"""A database that fails over: PostgreSQL nodes under Patroni, and a Redis under Sentinel."""
