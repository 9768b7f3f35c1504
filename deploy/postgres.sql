-- Runs once, when the data directory is created. Creates a role that owns only its own database.
-- Until this script runs, the superuser has the same password as the role. The last statement
-- removes it. From then on, the superuser can connect only from inside the container:
-- `docker compose exec postgres psql -U postgres`.
\getenv password POSTGRES_PASSWORD
CREATE ROLE roundtrip LOGIN PASSWORD :'password';
CREATE DATABASE roundtrip OWNER roundtrip;
ALTER ROLE postgres PASSWORD NULL;
