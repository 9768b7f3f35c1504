"""What the database is waited for, as stages: a connection, a statement, the end of a transaction.

All by the means that SQLAlchemy and psycopg have for it; see docs/decisions/0015-tracing.md. Of a
statement its text is told, with placeholders. Its values are never looked at.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Literal

from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.engine.interfaces import DBAPICursor, ExecutionContext
from sqlalchemy.pool import AsyncAdaptedQueuePool, PoolProxiedConnection

from app.tracing import Attributes, begin, place_of, staged

_TABLE: Final = re.compile(r"\b(?:FROM|INTO|UPDATE)\s+(\w+)")
_SYSTEM: Final = {"db.system.name": "postgresql"}
_REMEMBERED: Final = 500
"""Statements; one with a list in it is a different one for each length of the list."""


class ObservedPool(AsyncAdaptedQueuePool):
    """SQLAlchemy's pool. Whoever takes a connection may wait for one, or for it to be made."""

    @staged("pool")
    def connect(self) -> PoolProxiedConnection:
        """Take a connection out."""
        return super().connect()


class ObservedConnection(AsyncConnection[Any]):
    """psycopg's connection. It sends BEGIN just before the first statement; without one, no end."""

    async def commit(self) -> None:
        """Commit what has begun."""
        await (self._commit() if self._has_begun() else super().commit())

    async def rollback(self) -> None:
        """Roll back what has begun."""
        await (self._rollback() if self._has_begun() else super().rollback())

    @staged("commit", "COMMIT", {**_SYSTEM, "db.operation.name": "COMMIT"})
    async def _commit(self) -> None:
        await super().commit()

    @staged("rollback", "ROLLBACK", {**_SYSTEM, "db.operation.name": "ROLLBACK"})
    async def _rollback(self) -> None:
        await super().rollback()

    def _has_begun(self) -> bool:
        return self.pgconn.transaction_status != TransactionStatus.IDLE


def observe_statements(engine: Engine) -> None:
    """Record each statement of this engine as a stage."""
    # The second one is for rows that are inserted together, such as the lines of an order.
    for step in ("do_execute", "do_executemany"):
        event.listen(engine, step, _recording(step))


def _recording(step: str) -> Callable[..., Literal[True] | None]:
    """Return a listener that has the dialect take this step, as a stage."""

    def execute(
        cursor: DBAPICursor,
        statement: str,
        parameters: Any,  # noqa: ANN401 - it is passed on as it is
        execution: ExecutionContext,
    ) -> Literal[True] | None:
        stage = begin("sql", *_described(statement))
        if stage is None:
            # Then SQLAlchemy goes on by itself.
            return None
        with stage:
            getattr(execution.dialect, step)(cursor, statement, parameters, execution)
            if step == "do_executemany":
                stage.note("db.operation.batch.size", len(parameters))
            elif cursor.description is not None:
                stage.note("db.response.returned_rows", cursor.rowcount)
        return True

    return execute


@lru_cache(_REMEMBERED)
def _described(statement: str) -> tuple[str, Attributes]:
    operation, table = statement.split(maxsplit=1)[0].upper(), _TABLE.search(statement)
    attributes = {
        **_SYSTEM,
        **place_of(_recording),
        "db.operation.name": operation,
        "db.query.text": statement,
    }
    if table is None:
        return operation, attributes
    return f"{operation} {table[1]}", {**attributes, "db.collection.name": table[1]}
