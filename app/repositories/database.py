"""The connection pool of a process, and the repositories that share one of its connections."""

import asyncio
from types import TracebackType
from typing import Final, Self

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from app.models.health import State
from app.repositories.idempotency import IdempotencyRepository
from app.repositories.identities import IdentityRepository
from app.repositories.jobs import JobRepository
from app.repositories.messages import MessageRepository
from app.repositories.oidc_flows import OidcFlowRepository
from app.repositories.orders import OrderRepository
from app.repositories.postgres.executor import Executor, fetch_row
from app.repositories.postgres.replica import MAX_LAG_SECONDS, Replica
from app.repositories.postgres.statements import Statement
from app.repositories.products import ProductRepository
from app.repositories.sessions import SessionRepository
from app.repositories.users import UserRepository
from app.task_outcomes import ignore_outcome

# The setting is `on` on each standby, and wherever transactions are read-only by default.
_PING: Final = Statement(select(func.current_setting("transaction_read_only")), str)
_PING_TIMEOUT_SECONDS: Final = 1.0
_SETTLED_SECONDS: Final = MAX_LAG_SECONDS + 1.0
"""A current replica has every change that is older than this. One second is a margin."""


class Transaction:
    """The repositories that share one connection, until the end of its `async with` block."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
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
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Commit, or roll back if the block has raised an error."""
        await self._executor.__aexit__(kind, error, traceback)

    def invalidate(self, *tags: str) -> None:
        """Invalidate the cached reads with these tags, even if no row changes.

        This is needed if a process may have been killed after a commit and before the invalidation.
        """
        self._executor.changed.update(tags)


class Database:
    """Opens transactions, and reads without them. Each process has one `Database`.

    `Executor` lists the errors that transactions and reads raise.
    """

    def __init__(self, engine: AsyncEngine, replica: Replica | None = None) -> None:
        self._engine = engine
        self._replica = replica
        self._ping: asyncio.Task[bool] | None = None

    def transaction(self, changed: set[str]) -> Transaction:
        """Return a transaction. It commits when its block ends, or rolls back if the block raises.

        Before the commit, `changed` receives the tags of the rows that the block changes.
        """
        return Transaction(Executor(self._engine, in_transaction=True, changed=changed))

    def reading(self) -> Transaction:
        """Return repositories that read without a transaction.

        Each statement sees the data that was committed when the statement began.
        """
        return _reading(self._engine)

    def reading_replica(self, *, unchanged_seconds: float) -> Transaction | None:
        """Return repositories that read from the replica, without a transaction.

        The data have not changed for at least `unchanged_seconds`. Returns None if there is no
        replica, or if the replica may lack the last change of the data.
        """
        is_settled = unchanged_seconds > _SETTLED_SECONDS
        if self._replica is None or not is_settled or not self._replica.is_current():
            return None
        return _reading(self._replica.engine)

    def reject_replica(self) -> None:
        """Read from the primary until the replica has shown again that it is current."""
        if self._replica is not None:
            self._replica.reject()

    async def state(self) -> State:
        """Return the state of PostgreSQL: `down` if it does not answer within a second."""
        # A statement on a frozen server cannot be cancelled quickly. So the ping runs until it ends
        # by itself, and no second ping starts before the first has ended.
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(self.accepts_writes())
            # The ping may fail after the timeout, when no caller reads its error.
            self._ping.add_done_callback(ignore_outcome)
        ping = self._ping
        await asyncio.wait({ping}, timeout=_PING_TIMEOUT_SECONDS)
        if not ping.done() or ping.cancelled() or ping.exception() is not None:
            return "down"
        return "up" if ping.result() else "read-only"

    async def accepts_writes(self) -> bool:
        """Ask PostgreSQL whether it accepts writes."""
        # This method is public because the span of a statement names its nearest public caller. In
        # the task that `state` starts, there is no other public caller.
        return await fetch_row(self._engine, _PING) == "off"

    async def close(self) -> None:
        """Close the connections. If closing those to the replica fails, still close the others."""
        try:
            if self._replica is not None:
                await self._replica.close()
        finally:
            await self._engine.dispose()


def _reading(engine: AsyncEngine) -> Transaction:
    return Transaction(Executor(engine, in_transaction=False, changed=set()))
