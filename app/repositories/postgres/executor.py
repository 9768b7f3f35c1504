"""Runs statements on a connection of the pool, and translates the errors of PostgreSQL."""

from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

import psycopg
import structlog
from psycopg import AsyncConnection, AsyncCursor, InterfaceError, InternalError, OperationalError
from psycopg.errors import DeadlockDetected, SerializationFailure
from psycopg.pq import TransactionStatus
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from app.errors import AppError, Contended, Unavailable
from app.repositories.postgres.statements import Statement
from app.tracing import Attributes, begin_stage, code_attributes_of_caller, staged

_log = structlog.get_logger()
_T = TypeVar("_T")
_SYSTEM: Final = {"db.system.name": "postgresql"}
# SQLSTATEs after which a connection is unusable: connection exceptions, the end of the server or
# of the session, a server that has become a replica, and a query plan made before a migration.
_LOST_CONNECTION_SQLSTATES: Final = ("08", "57P", "25006", "0A000")
_SESSION_ENDING_SEVERITIES: Final = ("FATAL", "PANIC")
"""PostgreSQL ends the session after an error of these severities, whatever its SQLSTATE."""
_CONTENTION_ERRORS: Final = (DeadlockDetected, SerializationFailure)


class Executor:
    """One connection of the pool, from the first statement to the end of its `async with` block.

    With `in_transaction`, the end of the block commits or rolls back. Otherwise, each statement is
    its own transaction, which saves the round trips of BEGIN and COMMIT.

    All methods raise `Unavailable` if PostgreSQL cannot be reached, if the connection is lost, or
    if PostgreSQL cancels a statement. They raise `Contended` after a deadlock or a serialization
    failure. If the connection is lost during the commit, the outcome of the transaction is unknown.
    """

    def __init__(self, engine: AsyncEngine, *, in_transaction: bool, changed: set[str]) -> None:
        """Add to `changed` the tags of all rows that the statements change."""
        self._engine = engine
        self._in_transaction = in_transaction
        self.changed = changed
        self._pooled: PoolProxiedConnection | None = None
        self._connection: AsyncConnection[Any]
        self._has_run = False
        self._lost = self._failed = False
        self._is_new = False

    async def __aenter__(self) -> Self:
        """Return this executor. The first statement takes a connection."""
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        """Commit, or roll back if there was an error. Return the connection to the pool."""
        succeeded = error is None and not self._failed
        if self._pooled is not None:
            try:
                if self._connection.info.transaction_status != TransactionStatus.IDLE:
                    await (self._commit() if succeeded else self._rollback())
            finally:
                await self._return_to_pool()
        if error is None and not succeeded:
            raise RuntimeError(
                "A statement failed, but the block caught its error. Let the error end the block."
            )

    async def fetch_all(self, statement: Statement[_T], **values: Any) -> list[_T]:  # noqa: ANN401 - psycopg takes many types
        """Return the result of each row."""
        cursor = await self._run(statement, values)
        results = [statement.result(row) for row in await cursor.fetchall()]
        for result in results:
            self.changed.update(statement.tags(result))
        return results

    async def fetch_one(self, statement: Statement[_T], **values: Any) -> _T | None:  # noqa: ANN401
        """Return the result of the first row, or None if there is no row."""
        results = await self.fetch_all(statement, **values)
        return results[0] if results else None

    async def fetch_row(self, statement: Statement[_T], **values: Any) -> _T:  # noqa: ANN401
        """Return the result of a statement that always returns exactly one row."""
        (result,) = await self.fetch_all(statement, **values)
        return result

    async def execute(self, statement: Statement[Any], **values: Any) -> int:  # noqa: ANN401
        """Run a statement that returns no rows. Return the number of rows that it changed."""
        if statement.has_tags:
            raise TypeError("A statement with tags returns rows. Use a fetch method.")
        return (await self._run(statement, values)).rowcount

    async def _run(self, statement: Statement[Any], values: dict[str, Any]) -> AsyncCursor[Any]:
        if statement.changes and not self._in_transaction:
            raise TypeError("A statement that changes rows needs a transaction.")
        while True:
            try:
                return await self._send(statement, values)
            except psycopg.Error as error:
                self._lost = _is_lost(error)
                begun = self._in_transaction and self._has_run
                if not self._lost or self._is_new or begun:
                    self._failed = True
                    failure = _failure(error, statement)
                    # The original error may contain the values of a row. So an unexpected error is
                    # raised without its cause.
                    raise failure from error if isinstance(failure, AppError) else None
                _log.info("connection_replaced", reason=_first_line(error))
            # The statement was a read, or the first of a transaction, so nothing has taken effect.
            # Other pooled connections may be lost, too. So repeat until a connection is new.
            await self._drop()

    async def _send(self, statement: Statement[Any], values: dict[str, Any]) -> AsyncCursor[Any]:
        if self._pooled is None:
            await self._take()
        stage = begin_stage("sql", statement.name, statement.attributes)
        if stage is None:
            return await self._execute(statement, values)
        stage.set_attributes(code_attributes_of_caller(__name__))
        stage.set_attributes(_server_of(self._connection))
        with stage:
            cursor = await self._execute(statement, values)
            if cursor.description is not None:
                stage.set_attributes({"db.response.returned_rows": cursor.rowcount})
        return cursor

    async def _execute(self, statement: Statement[Any], values: dict[str, Any]) -> AsyncCursor[Any]:
        cursor = self._connection.cursor()
        if self._in_transaction and not self._has_run:
            await cursor.execute(b"BEGIN ISOLATION LEVEL READ COMMITTED", prepare=False)
        await cursor.execute(statement.text, statement.parameters(values))
        self._has_run = True
        return cursor

    @staged("pool")
    async def _take(self) -> None:
        try:
            self._pooled = await self._engine.raw_connection()
        except (psycopg.Error, SQLAlchemyError) as error:
            _log.warning("database_unavailable", reason=_first_line(error))
            raise Unavailable from error
        self._connection = cast("AsyncConnection[Any]", self._pooled.driver_connection)
        self._is_new = "used" not in self._pooled.info
        self._pooled.info["used"] = True

    @staged("commit", "COMMIT", {**_SYSTEM, "db.operation.name": "COMMIT"})
    async def _commit(self) -> None:
        try:
            await self._connection.commit()
        except psycopg.Error as error:
            self._lost = _is_lost(error)
            raise _failure(error) from error

    @staged("rollback", "ROLLBACK", {**_SYSTEM, "db.operation.name": "ROLLBACK"})
    async def _rollback(self) -> None:
        # An error is ignored, because PostgreSQL rolls back by itself when the connection is lost.
        with suppress(psycopg.Error):
            await self._connection.rollback()

    async def _return_to_pool(self) -> None:
        if self._lost or self._connection.info.transaction_status != TransactionStatus.IDLE:
            await self._drop()
        elif self._pooled is not None:
            self._pooled.close()

    async def _drop(self) -> None:
        if self._pooled is not None:
            await self._connection.close()
            self._pooled.detach()
            self._pooled = None
            self._lost = False


async def fetch_row(engine: AsyncEngine, statement: Statement[_T], **values: Any) -> _T:  # noqa: ANN401
    """Run one statement that always returns exactly one row, without a transaction."""
    async with Executor(engine, in_transaction=False, changed=set()) as executor:
        return await executor.fetch_row(statement, **values)


def _server_of(connection: AsyncConnection[Any]) -> Attributes:
    # Connections can lead to different servers: DATABASE_URL may list several hosts, and there may
    # be a replica.
    return {"server.address": connection.info.host, "server.port": connection.info.port}


def _is_lost(error: psycopg.Error) -> bool:
    if error.diag.severity_nonlocalized in _SESSION_ENDING_SEVERITIES:
        return True
    if error.sqlstate is None:
        # Without an SQLSTATE, the error comes from psycopg itself. psycopg raises InternalError if
        # the session ends directly after the result of a COMMIT.
        return isinstance(error, OperationalError | InterfaceError | InternalError)
    return error.sqlstate.startswith(_LOST_CONNECTION_SQLSTATES)


def _failure(error: psycopg.Error, statement: Statement[Any] | None = None) -> Exception:
    violation = statement and statement.violations.get(error.diag.constraint_name or "")
    if violation:
        return violation()
    if isinstance(error, _CONTENTION_ERRORS):
        return Contended()
    if _is_lost(error) or isinstance(error, OperationalError | InterfaceError):
        _log.warning("database_unavailable", reason=_first_line(error))
        return Unavailable()
    return RuntimeError(f"{type(error).__name__} ({error.sqlstate}): {_first_line(error)}")


def _first_line(error: Exception) -> str:
    # The other lines may contain the statement and its values, which must not be logged.
    return str(error).partition("\n")[0]
