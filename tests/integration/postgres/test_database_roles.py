"""The service's role reads and writes rows, and owns no table (deploy/postgres.sql)."""

from collections.abc import Mapping
from pathlib import Path

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL

from lab.stack.servers.postgres import PostgresServer
from tests.accounts import sign_up
from tests.conftest import StartService, migrate
from tests.mailbox import running_mailbox, running_worker

OWNERS = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id int)",
        "ALTER TABLE users ADD COLUMN more int",
        "DROP TABLE users CASCADE",
        "TRUNCATE users CASCADE",
        "CREATE SCHEMA more",
        "CREATE ROLE more",
        "CREATE TEMPORARY TABLE more (id int)",
        "UPDATE alembic_version SET version_num = '0001'",
    ],
)
def test_the_role_of_the_service_cannot_change_the_schema(
    postgres: PostgresServer, statement: str
) -> None:
    """An attacker who can send any statement as the service cannot drop a table."""
    with psycopg.connect(postgres.url) as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(SQL(statement))


def test_the_role_of_the_service_can_use_tables_that_a_migration_creates(
    postgres: PostgresServer,
) -> None:
    """A migration needs no GRANT. The role can read, insert, change and delete rows."""
    with psycopg.connect(postgres.migrator_url) as connection:
        connection.execute("CREATE TABLE later (id bigint GENERATED ALWAYS AS IDENTITY, name text)")
    with psycopg.connect(postgres.url) as connection:
        connection.execute("INSERT INTO later (name) VALUES ('a'), ('b')")
        connection.execute("UPDATE later SET name = 'c' WHERE name = 'a'")
        connection.execute("DELETE FROM later WHERE name = 'b'")
        assert connection.execute("SELECT name FROM later").fetchall() == [("c",)]
    with psycopg.connect(postgres.migrator_url) as connection:
        connection.execute("DROP TABLE later")


def test_the_role_of_the_service_can_add_and_run_jobs(
    postgres: PostgresServer,
    start_service: StartService,
    defaults: Mapping[str, str],
    tmp_path: Path,
) -> None:
    """A signup adds a job, and a worker with the same role runs it."""
    user = sign_up(start_service(DATABASE_URL=postgres.url).client)
    with running_mailbox() as mailbox:
        settings = {**defaults, **mailbox.settings, "DATABASE_URL": postgres.url}
        with running_worker(tmp_path / "worker", settings):
            mailbox.wait_for(user.email)


def test_the_owner_of_the_tables_has_no_other_rights(postgres: PostgresServer) -> None:
    """The role `migrator` owns all tables. It is not a superuser, and cannot create roles."""
    with psycopg.connect(postgres.migrator_url) as connection:
        assert connection.execute(OWNERS).fetchall() == [("migrator",)]
        mine = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls"
            " FROM pg_roles WHERE rolname = current_user"
        )
        assert mine.fetchall() == [(False,) * 5]


def test_tables_of_an_older_database_get_the_new_owner(postgres: PostgresServer) -> None:
    """Tables that the service's role owns, as in old data directories, get the owner `migrator`."""
    with psycopg.connect(postgres.superuser_url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE roundtrip OWNER TO roundtrip")
        connection.execute("REASSIGN OWNED BY migrator TO roundtrip")
        connection.execute("ALTER DEFAULT PRIVILEGES FOR ROLE migrator IN SCHEMA public"
                           " REVOKE ALL ON TABLES FROM roundtrip")  # fmt: skip
        connection.execute("DROP OWNED BY migrator")
        connection.execute("DROP ROLE migrator")
    (postgres.data / "roundtrip.sql").unlink()
    postgres.stop()
    postgres.start()
    with psycopg.connect(postgres.url) as connection:
        assert connection.execute(OWNERS).fetchall() == [("migrator",)]
        connection.execute("UPDATE users SET name = name")
        connection.execute("SELECT nextval('procrastinate_jobs_id_seq')")
    migrate(postgres.migrator_url)
