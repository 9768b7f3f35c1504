-- Creates the database `roundtrip` and its two roles:
--   migrator   owns the database and its tables. Only the migrations connect as `migrator`.
--   roundtrip  reads and writes rows. The service connects as `roundtrip`. This role owns nothing,
--              so the service cannot create, change or drop a table.
--
-- The superuser runs this script once, when the data directory is created. The script can run again,
-- to set new passwords, or to give the tables of an older volume to `migrator`.
\set ON_ERROR_STOP on
\getenv password DATABASE_PASSWORD
\getenv migrator_password MIGRATOR_PASSWORD

-- PostgreSQL logs slow and failed statements. The statements below contain passwords.
SET log_min_duration_statement = -1;
SET log_min_error_statement = panic;

SELECT format('CREATE ROLE %I LOGIN', name)
FROM unnest(ARRAY['migrator', 'roundtrip']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec
ALTER ROLE migrator PASSWORD :'migrator_password';
ALTER ROLE roundtrip PASSWORD :'password';

SELECT 'CREATE DATABASE roundtrip'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'roundtrip')
\gexec
ALTER DATABASE roundtrip OWNER TO migrator;
-- By default, every role may connect to every database and fill the disk with temporary tables.
REVOKE ALL ON DATABASE roundtrip, postgres FROM PUBLIC;
GRANT CONNECT ON DATABASE roundtrip TO roundtrip;

\connect roundtrip
-- In an older volume, `roundtrip` owns the tables.
REASSIGN OWNED BY roundtrip TO migrator;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO roundtrip;
-- The tables of the job queue have sequences.
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO roundtrip;
ALTER DEFAULT PRIVILEGES FOR ROLE migrator IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO roundtrip;
-- If this table exists, Alembic does not create it. If the service could write to the table, an
-- attacker could make the next migration skip or repeat revisions.
SET ROLE migrator;
CREATE TABLE IF NOT EXISTS alembic_version (
    version_num varchar(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY
);
RESET ROLE;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM roundtrip;

-- In the container, the superuser has a password until this script has run. After that, the
-- superuser can connect only from inside the container: `docker compose exec postgres psql -U postgres`.
\getenv container_password POSTGRES_PASSWORD
\if :{?container_password}
    ALTER ROLE postgres PASSWORD NULL;
\endif
