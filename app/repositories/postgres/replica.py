"""A read replica of the database, and how current it is."""

import asyncio
import math
import time
from typing import Final

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.repositories.postgres.executor import fetch_row
from app.repositories.postgres.statements import Statement
from app.task_outcomes import ignore_outcome
from app.tracing import run_in_background

_log = structlog.get_logger()
MAX_LAG_SECONDS: Final = 2.0
"""A replica is not used if it may lack changes that are older than this."""
_CHECK_SECONDS: Final = 0.5
_REPLAY_POLL_SECONDS: Final = 0.05
_POSITION: Final = Statement(text("SELECT pg_current_wal_lsn()::text"), str)
_HAS_REPLAYED: Final = Statement(
    text("SELECT pg_is_in_recovery() AND pg_last_wal_replay_lsn() >= CAST(:position AS pg_lsn)"),
    bool,
)


class Replica:
    """Compares a replica with the primary, about twice a second.

    The replica is current if it has replayed the write-ahead log up to a position that the primary
    had at most `MAX_LAG_SECONDS` ago. A current replica has every change that was committed before
    the primary had this position. The comparison is valid only if the replica's address always
    leads to the same server.
    """

    def __init__(self, engine: AsyncEngine, primary: AsyncEngine) -> None:
        self.engine = engine
        self._primary = primary
        self._current_as_of = -math.inf
        self._is_current = False
        self._checking: asyncio.Task[None] | None = None

    def is_current(self) -> bool:
        """Return whether the replica is current. The first call starts the comparison."""
        if self._checking is None:
            self._checking = run_in_background(self._check_repeatedly)
        return time.monotonic() - self._current_as_of < MAX_LAG_SECONDS

    def reject(self) -> None:
        """Stop using the replica until the next comparison succeeds."""
        self._current_as_of = -math.inf

    async def _check_repeatedly(self) -> None:
        while True:
            began = time.monotonic()
            # A statement on a frozen server cannot be cancelled quickly, so its outcome is ignored.
            check = asyncio.create_task(self._wait_until_replayed())
            check.add_done_callback(ignore_outcome)
            await asyncio.wait({check}, timeout=MAX_LAG_SECONDS)
            if check.done() and check.exception() is None:
                self._current_as_of = began
            check.cancel()
            self._log_changes()
            await asyncio.sleep(_CHECK_SECONDS)

    async def _wait_until_replayed(self) -> None:
        position = await fetch_row(self._primary, _POSITION)
        while not await fetch_row(self.engine, _HAS_REPLAYED, position=position):  # noqa: ASYNC110 - PostgreSQL has no event for this
            await asyncio.sleep(_REPLAY_POLL_SECONDS)

    def _log_changes(self) -> None:
        if self.is_current() != self._is_current:
            self._is_current = not self._is_current
            log = _log.info if self._is_current else _log.warning
            log("replica_is_current" if self._is_current else "replica_is_not_current")

    async def close(self) -> None:
        """Stop the comparison and close the connections."""
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.wait({self._checking})
        await self.engine.dispose()
