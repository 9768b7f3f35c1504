"""A query that is open to SQL injection on purpose, beside the same query with a parameter.

Chapter 6 of the tour runs this module: `python -m lab.tour.programs.sql_injection TEXT`. Both
queries look for the user whose email is TEXT. The service builds no statement in the first way.

Both queries run as a role that exists only during this command. This role may read three columns of
the table `users`. Whatever TEXT is, the role cannot change a table.
"""

import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier, Literal

from lab.stack import control
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError
from lab.stack.stack import Stack

Rows = Sequence[tuple[object, ...]]
Find = Callable[[psycopg.Connection, str], Rows]

_CREATE_ROLE: Final = """\
CREATE ROLE {role} LOGIN PASSWORD {password} VALID UNTIL {end};
ALTER ROLE {role} SET statement_timeout = '5s';
GRANT CONNECT ON DATABASE roundtrip TO {role};
GRANT SELECT (name, email, password_hash) ON users TO {role}"""
_DROP_ROLE: Final = "DROP OWNED BY {role}; DROP ROLE {role}"


def find_by_pasted_text(connection: psycopg.Connection, email: str) -> Rows:
    """Return the users with this email. The email is pasted into the statement: vulnerable."""
    # Rule S608 is right: this line is the vulnerability that the tour shows.
    query = "SELECT name, email FROM users WHERE email = '" + email + "'"  # noqa: S608
    return connection.execute(query).fetchall()


def find_by_parameter(connection: psycopg.Connection, email: str) -> Rows:
    """Return the users with this email. PostgreSQL receives the email separately, as a value."""
    query = "SELECT name, email FROM users WHERE email = %s"
    return connection.execute(query, [email]).fetchall()


def main(arguments: Sequence[str]) -> int:
    """Run both queries and print what each finds. Return the exit status."""
    if len(arguments) != 1:
        print(
            "Give one text:  python -m lab.tour.programs.sql_injection ahmed@example.com",
            file=sys.stderr,
        )
        return control.FAILED
    try:
        with _reader(control.running(Paths.from_environment())) as connection:
            for find in (find_by_pasted_text, find_by_parameter):
                print(f"{find.__name__}:", *_lines(find, connection, arguments[0]), sep="\n  ")
    except (LabError, psycopg.OperationalError) as error:
        print(error, file=sys.stderr)
        return control.FAILED
    return control.OK


def _lines(find: Find, connection: psycopg.Connection, email: str) -> list[str]:
    try:
        rows = find(connection, email)
    except psycopg.Error as error:
        return [f"error: {error.diag.message_primary}"]
    return [" ".join(map(str, row)) for row in rows] or ["no user"]


@contextmanager
def _reader(stack: Stack) -> Iterator[psycopg.Connection]:
    """Create the role, and yield a connection of this role. At the end, drop the role."""
    if stack.postgres not in stack.storage:
        raise LabError(
            "DATABASE_URL names your own server, which the lab never changes. To use the stack's "
            "server:  make stop && env -u DATABASE_URL make start"
        )
    url = stack.postgres.superuser_url
    name, password = f"reader_{secrets.token_hex(8)}", secrets.token_urlsafe()
    # If this process is killed, the role is not dropped. So the role's password is valid for only
    # an hour.
    end = datetime.now(UTC) + timedelta(hours=1)
    parts = {"role": Identifier(name), "password": Literal(password), "end": Literal(str(end))}
    with psycopg.connect(url, autocommit=True) as superuser:
        superuser.execute(SQL(_CREATE_ROLE).format(**parts))
        try:
            reader_url = make_conninfo(url, user=name, password=password)
            with psycopg.connect(reader_url, autocommit=True) as connection:
                yield connection
        finally:
            superuser.execute(SQL(_DROP_ROLE).format(**parts))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
