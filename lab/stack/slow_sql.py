"""Making every statement of the service slower, for real and by PostgreSQL's own means.

Each table gets a row security policy that lets every row through and, to know that, calls a
function that sleeps: once in a statement, however many rows and tables that has. EXPLAIN shows it
as an InitPlan. A statement that meets no row at all is as fast as before, and so are COMMIT and the
superuser; COPY into a table (`make seed`) is refused meanwhile.

Of the other ways, a proxy before PostgreSQL would have to be there before the fault, in every
figure that is taken without one; stopping the sessions' processes now and then hits some
statements and misses others.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from lab.stack.errors import LabError
from lab.stack.postgres import PostgresServer

# statement_timestamp() is that of the client's message: the same within one statement alone.
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
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY"""
# The tables' owner, whom the service is, passes by the policies unless they are forced on it.
_SLOW = """\
DROP POLICY IF EXISTS lab_fault ON {table};
CREATE POLICY lab_fault ON {table}
  USING ((SELECT lab_fault.sleep_once())) WITH CHECK ((SELECT lab_fault.sleep_once()));
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"""
_TABLES = """\
SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"""

# A table is changed between two statements of the service; this long one of them may take.
_LOCK_TIMEOUT = "15s"


class SlowSql:
    """The fault in one stack's own PostgreSQL, which must run."""

    def __init__(self, postgres: PostgresServer) -> None:
        self._postgres = postgres
        # Whoever starts PostgreSQL the next time need not ask it.
        self._note = postgres.directory / "slow-sql"

    def slow(self, milliseconds: float) -> None:
        """Let each statement sleep so long from now on; another time takes the place of the first.

        :raises LabError: with what PostgreSQL said.
        """
        self._note.touch()
        with self._connection() as connection:
            _set_delay(connection, milliseconds)
            _change_tables(connection, _SLOW)

    def heal(self) -> bool:
        """Leave no trace of it; whether there was something.

        :raises LabError: with what PostgreSQL said.
        """
        if not self._note.exists():
            return False
        with self._connection() as connection:
            # The sessions get faster at once, and let go of the tables.
            _set_delay(connection, 0)
            _change_tables(connection, _HEAL)
            connection.execute("DROP SCHEMA lab_fault CASCADE")
        self._note.unlink()
        return True

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        address = self._postgres.admin_url.removesuffix("/postgres") + "/roundtrip"
        options = f"-c lock_timeout={_LOCK_TIMEOUT}"
        try:
            with psycopg.connect(
                address, autocommit=True, connect_timeout=5, options=options
            ) as connection:
                yield connection
        except psycopg.Error as error:
            reason = str(error).partition("\n")[0]
            raise LabError(f"PostgreSQL refuses: {reason}\nDo the same again.") from error


def _set_delay(connection: psycopg.Connection, milliseconds: float) -> None:
    seconds = sql.Literal(milliseconds / 1000)
    connection.execute(sql.SQL(_FUNCTION).format(seconds=seconds))


def _change_tables(connection: psycopg.Connection, statements: str) -> None:
    """Change one table after the other, so that no statement waits for two of them."""
    for (name,) in connection.execute(_TABLES).fetchall():
        table = sql.Identifier("public", name)
        with connection.transaction():
            connection.execute(sql.SQL(statements).format(table=table))
