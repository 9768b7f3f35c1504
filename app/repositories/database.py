"""The connection pool of a process, and the repositories that share one of its connections."""

import asyncio
import os
import select as system_select
from functools import partial
from types import TracebackType
from typing import Any, Final, Self, cast

import psycopg
from psycopg import AsyncConnection
from sqlalchemy import event, literal, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from app.repositories.idempotency import IdempotencyRepository
from app.repositories.identities import IdentityRepository
from app.repositories.jobs import JobRepository
from app.repositories.messages import MessageRepository
from app.repositories.oidc_flows import OidcFlowRepository
from app.repositories.orders import OrderRepository
from app.repositories.postgres.address import conninfo
from app.repositories.postgres.executor import Executor
from app.repositories.postgres.statements import Statement
from app.repositories.products import ProductRepository
from app.repositories.sessions import SessionRepository
from app.repositories.users import UserRepository
from app.settings import Settings
from app.task_outcomes import ignore_outcome

_PING: Final = Statement(select(literal(1)), int)
_PING_TIMEOUT_SECONDS: Final = 1.0


# libpq applies these variables of the environment after the options of a connection. psycopg cannot
# read the times of another DateStyle.
_OVERRIDING_VARIABLES: Final = ("PGDATESTYLE", "PGTZ", "PGGEQO")


def create_engine(settings: Settings) -> AsyncEngine:
    """Return an engine. Only its connection pool is used, see `Executor`.

    Removes variables of libpq that would override the options of the connections.
    """
    for variable in _OVERRIDING_VARIABLES:
        os.environ.pop(variable, None)
    statement_timeout = int(settings.database_statement_timeout * 1000)
    engine = create_async_engine(
        "postgresql+psycopg://",
        pool_size=settings.database_pool_size,
        max_overflow=0,
        pool_timeout=settings.database_pool_timeout,
        # The executor ends its transactions itself.
        pool_reset_on_return=None,
        async_creator=partial(
            AsyncConnection.connect,
            conninfo(settings.database_url.get_secret_value()),
            autocommit=True,
            connect_timeout=2,
            application_name="roundtrip",
            client_encoding="utf8",
            options=f"-c statement_timeout={statement_timeout}"
            f" -c lock_timeout={statement_timeout}"
            f" -c idle_in_transaction_session_timeout={statement_timeout}"
            " -c datestyle=ISO",
        ),
    )
    event.listen(engine.sync_engine, "connect", _require_utf8)
    event.listen(engine.sync_engine, "checkout", _reject_closed)
    return engine


def _require_utf8(_: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    connection = cast("AsyncConnection[Any]", record.driver_connection)
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise psycopg.OperationalError(
            f"The database has the encoding {encoding}. Create it again with ENCODING 'UTF8'."
        )


def _reject_closed(_: DBAPIConnection, record: ConnectionPoolEntry, __: object) -> None:
    # After a restart of PostgreSQL, all pooled connections are closed. The socket of a closed
    # connection is readable; the socket of an idle, open connection is not. This check takes a
    # hundredth of the time of a statement, which `pool_pre_ping` would send.
    connection = cast("AsyncConnection[Any]", record.driver_connection)
    if connection.closed or _is_readable(connection.fileno()):
        raise InvalidatePoolError


def _is_readable(socket: int) -> bool:
    poll = system_select.poll()
    poll.register(socket, system_select.POLLIN)
    return bool(poll.poll(0))


class Transaction:
    """The repositories that share one connection, until the end of its `async with` block."""

    def __init__(self, executor: Executor, stale: set[str]) -> None:
        """`stale` receives the tags that `invalidate` is called with."""
        self._executor = executor
        self._stale = stale
        self.users = UserRepository(executor)
        self.sessions = SessionRepository(executor)
        self.products = ProductRepository(executor)
        self.orders = OrderRepository(executor)
        self.identities = IdentityRepository(executor)
        self.flows = OidcFlowRepository(executor)
        self.messages = MessageRepository(executor)
        self.jobs = JobRepository(executor)
        self.idempotency_keys = IdempotencyRepository(executor)

    async def __aenter__(self) -> Self:
        """Return these repositories. The first statement takes a connection."""
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        """Commit, or roll back if the block has raised an error."""
        await self._executor.end(error)

    async def ping(self) -> None:
        """Send a statement, to check that PostgreSQL answers."""
        await self._executor.fetch_one(_PING)

    def invalidate(self, *tags: str) -> None:
        """Invalidate the cached reads with these tags, even if no row changes.

        A process that was killed may have left stale reads.
        """
        self._stale.update(tags)


class Database:
    """Opens transactions, and reads without them. Each process has one `Database`.

    `Executor` lists the errors that transactions and reads raise.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._ping: asyncio.Task[None] | None = None

    def transaction(self, changed: set[str]) -> Transaction:
        """Return a transaction. It commits when its block ends, or rolls back if the block raises.

        Before the commit, `changed` receives the tags of the rows that the block changes.
        """
        executor = Executor(self._engine, in_transaction=True, changed=changed)
        return Transaction(executor, changed)

    def reading(self) -> Transaction:
        """Return repositories that read without a transaction.

        Each statement sees the data that was committed when the statement began.
        """
        executor = Executor(self._engine, in_transaction=False, changed=set())
        return Transaction(executor, set())

    async def answers(self) -> bool:
        """Return whether PostgreSQL answers a statement within a second."""
        # A statement on a frozen server cannot be cancelled quickly. The ping therefore runs
        # until it ends by itself, and no second ping starts before it has ended.
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(self._send_ping())
            # The ping may fail after the timeout, when no caller reads its error.
            self._ping.add_done_callback(ignore_outcome)
        ping = self._ping
        await asyncio.wait({ping}, timeout=_PING_TIMEOUT_SECONDS)
        return ping.done() and not ping.cancelled() and ping.exception() is None

    async def _send_ping(self) -> None:
        async with self.reading() as tx:
            await tx.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()
