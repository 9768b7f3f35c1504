"""How PostgreSQL would run a statement, asked without running it."""

import re
from typing import Final

import psycopg
from psycopg import AsyncConnection, sql

from lab.collector.problems import Problem

_VERBS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
# psycopg's placeholders: `%s`, `%(name)s`, both also with `b` and `t`; `%%` is a percent sign.
_PLACEHOLDER = re.compile(r"%(?:%|(?:\((?P<name>[^)]+)\))?[sbt])")

# A plan takes a millisecond. The connection can read only, should anything else ever get here.
_OPTIONS: Final = "-c default_transaction_read_only=on -c statement_timeout=1000"
_CONNECT_TIMEOUT_S: Final = 2


def numbered(statement: str) -> str:
    """Return the statement with PostgreSQL's own placeholders, $1 and so on."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = found["name"] or f"%{len(numbers)}"
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _PLACEHOLDER.sub(number, statement)


def explainable(statement: str) -> str:
    """Return one statement that can be explained, numbered.

    :raises Problem: 422, when it is another kind of statement, or several.
    """
    text = numbered(statement).strip().removesuffix(";").rstrip()
    if not text.upper().startswith(_VERBS) or not text[len("SELECT") :][:1].isspace():
        raise Problem(422, f"Only {', '.join(_VERBS)} have a plan here.")
    # Statements without values are sent by the simple protocol, which would take several.
    if ";" in text:
        raise Problem(422, "Only a single statement has a plan here.")
    return text


async def plan_of(database_url: str, statement: str) -> list[str]:
    """Return PostgreSQL's generic plan, line by line. The statement is never executed.

    :raises Problem: 422 when PostgreSQL cannot plan it, 503 when it cannot be asked.
    """
    question = sql.SQL("EXPLAIN (GENERIC_PLAN) {}").format(sql.SQL(explainable(statement)))
    try:
        connection = await AsyncConnection.connect(
            database_url, options=_OPTIONS, connect_timeout=_CONNECT_TIMEOUT_S
        )
        async with connection:
            rows = await (await connection.execute(question)).fetchall()
            await connection.rollback()
    except psycopg.OperationalError as error:
        raise Problem(503, "PostgreSQL does not answer.") from error
    except psycopg.Error as error:
        # Not its message: it may quote rows, or what another session is doing.
        raise Problem(422, "PostgreSQL has no plan for this statement.") from error
    return [str(row[0]) for row in rows]
