"""The local stack, with servers from wheels: PostgreSQL, Valkey, two app processes and Caddy."""
