-- The service connects as `roundtrip`. This role reads and writes rows, and owns no table. The
-- operator has created both roles; deploy/postgres.sql has the reasons.
REVOKE ALL ON DATABASE roundtrip FROM PUBLIC;
-- The exporter of the metrics is a member of pg_monitor.
GRANT CONNECT ON DATABASE roundtrip TO roundtrip, pg_monitor;
-- The operator always logs in the format CSV, with the values that a constraint refused, such as
-- emails. So PostgreSQL does not log the errors of this role. The service logs its errors itself.
ALTER ROLE roundtrip SET log_min_messages = 'log';
ALTER DEFAULT PRIVILEGES FOR ROLE migrator IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO roundtrip;
ALTER DEFAULT PRIVILEGES FOR ROLE migrator IN SCHEMA public GRANT USAGE ON SEQUENCES TO roundtrip;
SET ROLE migrator;
CREATE TABLE IF NOT EXISTS alembic_version (
    version_num varchar(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY
);
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM roundtrip;
RESET ROLE;
