"""One engine per process, and transactions whose failures have names of ours."""

import asyncio
import random
import select
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar, cast

import structlog
from psycopg import AsyncConnection
from psycopg.errors import DeadlockDetected, SerializationFailure
from sqlalchemy import event, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import configure_mappers
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import Contended, Unavailable
from app.repositories.idempotency import IdempotencyRepository
from app.repositories.identities import IdentityRepository
from app.repositories.observed import ObservedConnection, ObservedPool, observe_statements
from app.repositories.oidc_flows import OidcFlowRepository
from app.repositories.orders import OrderRepository
from app.repositories.products import ProductRepository
from app.repositories.sessions import SessionRepository
from app.repositories.users import UserRepository
from app.settings import Settings

_log = structlog.get_logger()
_T = TypeVar("_T")
_BATCH = 1000
_ATTEMPTS = 3
_PAUSE = 0.05
"""Seconds; the longest pause before the second attempt, and as much more before each other."""


def create_engine(settings: Settings) -> AsyncEngine:
    """Build the engine: a pool that makes nobody wait long, queries that end by themselves."""
    url = make_url(settings.database_url.get_secret_value()).set(drivername="postgresql+psycopg")
    statement_timeout = int(settings.database_statement_timeout * 1000)
    engine = create_async_engine(
        url,
        pool_size=settings.database_pool_size,
        poolclass=ObservedPool,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout,
        # Reading needs no transaction; whoever writes begins one.
        isolation_level="AUTOCOMMIT",
        # An error message would otherwise quote the values, password hashes among them.
        hide_parameters=True,
        connect_args={
            "async_creator_fn": ObservedConnection.connect,
            "connect_timeout": 2,
            "application_name": "roundtrip",
            "options": f"-c statement_timeout={statement_timeout}"
            f" -c lock_timeout={statement_timeout}"
            f" -c idle_in_transaction_session_timeout={statement_timeout}",
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead)
    observe_statements(engine.sync_engine)
    return engine


def _refuse_dead(_: DBAPIConnection, record: ConnectionPoolEntry, __: object) -> None:
    # After a restart of Postgres the pool is full of dead connections. Postgres says goodbye, or
    # the system does, so there is something to read on a connection that waits for nothing. To
    # look costs a hundredth of what it costs to ask (pool_pre_ping).
    connection = cast("AsyncConnection[object]", record.driver_connection)
    if connection.closed or _has_something_to_read(connection.fileno()):
        raise InvalidatePoolError


def _has_something_to_read(socket: int) -> bool:
    poll = select.poll()
    poll.register(socket, select.POLLIN)
    return bool(poll.poll(0))


class Transaction:
    """The repositories that share one database transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.users = UserRepository(session)
        self.sessions = SessionRepository(session)
        self.products = ProductRepository(session)
        self.orders = OrderRepository(session)
        self.identities = IdentityRepository(session)
        self.flows = OidcFlowRepository(session)
        self.answers = IdempotencyRepository(session)


class Database:
    """Opens transactions. Built once per process, closed at its end."""

    def __init__(self, engine: AsyncEngine) -> None:
        # Else the first request that meets a row would wait for it, some ten milliseconds.
        configure_mappers()
        self._engine = engine
        writing = engine.execution_options(isolation_level="READ COMMITTED")
        self._writers = async_sessionmaker(writing, expire_on_commit=False)
        self._readers = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Commit what the block did, or roll all of it back if it raises.

        Raises `Unavailable` when Postgres cannot be reached, gives up on a statement, or
        loses the connection. A lost connection during the commit leaves the outcome unknown.
        """
        with _failures_translated():
            async with self._writers.begin() as session:
                yield Transaction(session)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Read without a transaction: each statement sees what is committed when it begins.

        Saves the round trips of BEGIN and COMMIT. Raises `Unavailable` as above.
        """
        with _failures_translated():
            async with self._readers() as session:
                yield Transaction(session)

    async def retrying(self, work: Callable[[Transaction], Awaitable[_T]]) -> _T:
        """Run a whole transaction, and again if Postgres ended it for a deadlock.

        `work` must do nothing but what the transaction rolls back. Raises what
        `transaction` raises, and `Contended` after the last attempt. An unknown outcome is
        never tried again.
        """
        for attempt in range(1, _ATTEMPTS):
            try:
                async with self.transaction() as tx:
                    return await work(tx)
            except Contended:
                _log.info("transaction_retried", attempt=attempt)
                await asyncio.sleep(random.uniform(0, _PAUSE * attempt))  # noqa: S311 - no secret
        async with self.transaction() as tx:
            return await work(tx)

    async def clear(self, some: Callable[[Transaction, int], Awaitable[int]]) -> int:
        """Clear all of something, so many rows in each transaction; return how many there were.

        `some` deletes at most as many as it is told to, and says how many it found.
        """
        cleared = 0
        while True:
            async with self.transaction() as tx:
                found = await some(tx, _BATCH)
            cleared += found
            if found < _BATCH:
                return cleared

    async def ping(self) -> None:
        """Ask Postgres for a sign of life. Raises `Unavailable` if there is none."""
        with _failures_translated():
            async with self._engine.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close the pool's connections."""
        await self._engine.dispose()


@contextmanager
def _failures_translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        if isinstance(getattr(error, "orig", None), DeadlockDetected | SerializationFailure):
            raise Contended from error
        _log.warning("database_unavailable", reason=_first_line(error))
        raise Unavailable from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        _log.warning("database_unavailable", reason=_first_line(error))
        raise Unavailable from error


def _first_line(error: Exception) -> str:
    # Whole messages repeat the statement; its first line says what happened.
    return str(error).partition("\n")[0]
