"""The queue of jobs, for operators, metrics and the worker."""

from datetime import UTC, datetime
from typing import Final

from app.errors import NotFound
from app.models import FailedJob, SessionLifetime
from app.models.jobs import QueueStatus
from app.models.messages import LINK_LIFETIMES, UNSENT_KEPT_FOR
from app.store import Store
from app.tracing import staged_methods

_SENT_KEPT_FOR: Final = max(LINK_LIFETIMES.values())
"""How long a message is kept after it was sent."""
_NOT_FAILED: Final = "No failed job has this id. See `python -m app jobs list`."


@staged_methods("service")
class JobService:
    """Counts jobs, and handles the jobs that have failed for good. Deletes expired rows."""

    def __init__(self, store: Store, lifetime: SessionLifetime) -> None:
        self._store = store
        self._idle = lifetime.idle

    async def measure(self) -> QueueStatus:
        """Return the numbers of jobs, by queue and state, and the number of live workers."""
        async with self._store.uncached() as tx:
            counts = await tx.jobs.count()
            return QueueStatus(counts, await tx.jobs.count_workers())

    async def list_failed(self, *, limit: int) -> list[FailedJob]:
        """Return up to `limit` failed jobs, the oldest first."""
        async with self._store.uncached() as tx:
            return await tx.jobs.list_failed(limit=limit)

    async def retry(self, job_id: int) -> None:
        """Let a failed job run again, and count its attempts from 0. Raises `NotFound`."""
        if not await self._store.write(lambda tx: tx.jobs.retry(job_id)):
            raise NotFound(_NOT_FAILED)

    async def drop(self, job_id: int) -> None:
        """Delete a failed job, and the message that it could not send. Raises `NotFound`."""
        if not await self._store.write(lambda tx: tx.jobs.drop(job_id)):
            raise NotFound(_NOT_FAILED)

    async def sweep(self) -> dict[str, int]:
        """Delete expired rows of each kind, and return their numbers by kind."""
        now = datetime.now(UTC)
        kept_since, used_since = now - UNSENT_KEPT_FOR, now - self._idle
        delete = self._store.delete_in_batches
        return {
            "idempotency_keys": await delete(
                lambda tx, limit: tx.idempotency_keys.clear_expired(now=now, limit=limit)
            ),
            "sessions": await delete(
                lambda tx, limit: tx.sessions.clear_unused(used_since=used_since, limit=limit)
            ),
            "oidc_flows": await delete(
                lambda tx, limit: tx.flows.clear_expired(now=now, limit=limit)
            ),
            "messages": await delete(
                lambda tx, limit: tx.messages.clear(
                    sent_until=now - _SENT_KEPT_FOR, created_until=kept_since, limit=limit
                )
            ),
            "failed_jobs": await delete(
                lambda tx, limit: tx.jobs.clear_failed(failed_until=kept_since, limit=limit)
            ),
        }

    async def retry_abandoned(self, *, max_attempts: int) -> int:
        """Let the jobs of killed workers run again; see `JobRepository.retry_abandoned`."""
        return await self._store.write(
            lambda tx: tx.jobs.retry_abandoned(max_attempts=max_attempts)
        )
