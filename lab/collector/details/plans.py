"""PostgreSQL's query plan of a statement, without running the statement."""

import re
from typing import Final

import psycopg
from psycopg import AsyncConnection, sql

from lab.collector.errors import Problem

_VERBS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
# psycopg's placeholders: `%s` and `%(name)s`, with `s`, `b` or `t`. `%%` is a percent sign.
_PLACEHOLDER = re.compile(r"%(?:%|(?:\((?P<name>[^)]+)\))?[sbt])")

_CONNECT_TIMEOUT_SECONDS: Final = 2
# PostgreSQL makes a plan in about a millisecond.
_LIMIT_TIME: Final = "SET LOCAL statement_timeout = '1s'"


def numbered(statement: str) -> str:
    """Return the statement with PostgreSQL's placeholders ($1, $2, …)."""
    numbers: dict[str, int] = {}

    def number(match: re.Match[str]) -> str:
        if match[0] == "%%":
            return "%"
        name = match["name"] or f"%{len(numbers)}"
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _PLACEHOLDER.sub(number, statement)


def explainable(statement: str) -> str:
    """Return a single SELECT, INSERT, UPDATE or DELETE with PostgreSQL's placeholders.

    :raises Problem: 422, when the text is another kind of statement, or several statements.
    """
    text = numbered(statement).strip().removesuffix(";").rstrip()
    if not text.upper().startswith(_VERBS) or not text[len("SELECT") :][:1].isspace():
        raise Problem(422, f"Only {', '.join(_VERBS)} have a plan here.")
    # psycopg sends a text without values by the simple query protocol, which accepts several
    # statements in one text.
    if ";" in text:
        raise Problem(422, "Only a single statement has a plan here.")
    return text


async def plan_of(database_url: str, statement: str) -> list[str]:
    """Return the lines of PostgreSQL's generic plan. The statement is never executed.

    :raises Problem: 422 when there is no plan for the statement, 503 when PostgreSQL does not
        answer.
    """
    explain = sql.SQL("EXPLAIN (GENERIC_PLAN) {}").format(sql.SQL(explainable(statement)))
    try:
        connection = await AsyncConnection.connect(
            database_url, connect_timeout=_CONNECT_TIMEOUT_SECONDS
        )
        async with connection:
            # The transaction is read-only, in case `explainable` accepts a dangerous statement.
            # Both settings are of the transaction, because a pooler accepts no options of a
            # connection.
            await connection.set_read_only(True)
            await connection.execute(_LIMIT_TIME)
            rows = await (await connection.execute(explain)).fetchall()
            await connection.rollback()
    except psycopg.OperationalError as error:
        raise Problem(503, "PostgreSQL does not answer.") from error
    except psycopg.Error as error:
        # The problem omits PostgreSQL's message, which may quote rows or other sessions' queries.
        raise Problem(422, "PostgreSQL has no plan for this statement.") from error
    return [str(row[0]) for row in rows]
