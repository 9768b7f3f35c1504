"""Makes every statement of the service slower, inside PostgreSQL.

Each table gets a row security policy, which allows every row and calls a function that sleeps. The
function sleeps once for each statement, however many rows and tables the statement uses. EXPLAIN
shows the function as an InitPlan. The policies do not delay COMMIT, statements that use no table,
or statements of the superuser and of the tables' owner, such as the statements of `make seed`.

Other ways would be worse. A proxy in front of PostgreSQL would change every measurement, also
without the fault. Suspending the sessions' processes from time to time would delay only some
statements.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from lab.stack.errors import LabError
from lab.stack.servers.postgres import PostgresServer

# statement_timestamp() is the time of the client's message, so it differs for each statement.
_FUNCTION = """\
CREATE SCHEMA IF NOT EXISTS lab_fault;
GRANT USAGE ON SCHEMA lab_fault TO PUBLIC;
CREATE OR REPLACE FUNCTION lab_fault.sleep_once() RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF current_setting('lab_fault.slept_in', true) IS DISTINCT FROM statement_timestamp()::text THEN
    PERFORM set_config('lab_fault.slept_in', statement_timestamp()::text, false);
    PERFORM pg_sleep({seconds});
  END IF;
  RETURN true;
END
$$"""
_HEAL = """\
DROP POLICY IF EXISTS lab_fault ON {table};
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"""
_SLOW = """\
DROP POLICY IF EXISTS lab_fault ON {table};
CREATE POLICY lab_fault ON {table}
  USING ((SELECT lab_fault.sleep_once())) WITH CHECK ((SELECT lab_fault.sleep_once()));
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"""
_TABLES = """\
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""

# A change of a table waits at most this long for the service's transactions to end.
_LOCK_TIMEOUT = "15s"


class SlowSql:
    """Slows down the statements in one stack's own PostgreSQL. The server must be running."""

    def __init__(self, postgres: PostgresServer) -> None:
        self._postgres = postgres
        # This file exists while statements are slow. Without the file, `heal` does not connect.
        self._marker = postgres.directory / "slow-sql"

    def slow(self, milliseconds: float) -> None:
        """Delay each statement by `milliseconds` from now on. A second call replaces the delay.

        :raises LabError: when PostgreSQL returns an error.
        """
        self._marker.touch()
        with self._connection() as connection:
            _set_delay(connection, milliseconds)
            _change_tables(connection, _SLOW)

    def heal(self) -> bool:
        """Remove the delay and everything that implements it. Return whether there was a delay.

        :raises LabError: when PostgreSQL returns an error.
        """
        if not self._marker.exists():
            return False
        with self._connection() as connection:
            # The delay is removed first, so that statements soon end and release their locks.
            _set_delay(connection, 0)
            _change_tables(connection, _HEAL)
            connection.execute("DROP SCHEMA lab_fault CASCADE")
        self._marker.unlink()
        return True

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        address = self._postgres.superuser_url
        options = f"-c lock_timeout={_LOCK_TIMEOUT}"
        try:
            with psycopg.connect(
                address, autocommit=True, connect_timeout=5, options=options
            ) as connection:
                yield connection
        except psycopg.Error as error:
            reason = str(error).partition("\n")[0]
            raise LabError(f"PostgreSQL error: {reason}\nRun the command again.") from error


def _set_delay(connection: psycopg.Connection, milliseconds: float) -> None:
    seconds = sql.Literal(milliseconds / 1000)
    connection.execute(sql.SQL(_FUNCTION).format(seconds=seconds))


def _change_tables(connection: psycopg.Connection, statements: str) -> None:
    """Change each table in its own transaction, so that only one table is locked at a time."""
    for (name,) in connection.execute(_TABLES).fetchall():
        table = sql.Identifier("public", name)
        with connection.transaction():
            connection.execute(sql.SQL(statements).format(table=table))
