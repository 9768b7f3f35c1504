-- Run once, when the data directory is made: a role that owns its database and nothing else. The
-- superuser's password was the same until here; without one it is let in from inside the container
-- only, by `docker compose exec postgres psql -U postgres`.
\getenv password POSTGRES_PASSWORD
CREATE ROLE roundtrip LOGIN PASSWORD :'password';
CREATE DATABASE roundtrip OWNER roundtrip;
ALTER ROLE postgres PASSWORD NULL;
