"""The whole chain on one machine, from wheels: PostgreSQL, Valkey, two app processes, Caddy."""
