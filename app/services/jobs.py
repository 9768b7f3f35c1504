"""The queue of jobs, for operators, metrics and the worker."""

from typing import Final

from app.errors import NotFound
from app.models import FailedJob
from app.models.jobs import QueueStatus
from app.store import Store
from app.tracing import staged_methods

_NOT_FAILED: Final = "No failed job has this id. See `python -m app jobs list`."


@staged_methods("service")
class JobService:
    """Counts jobs. Lists, retries and drops the jobs that have failed for good."""

    def __init__(self, store: Store) -> None:
        self._store = store

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

    async def retry_abandoned(self, *, max_attempts: int) -> int:
        """Let the jobs of killed workers run again, and return the number of all these jobs.

        A job that has begun `max_attempts` times fails instead, but is counted, too.
        """
        return await self._store.write(
            lambda tx: tx.jobs.retry_abandoned(max_attempts=max_attempts)
        )
