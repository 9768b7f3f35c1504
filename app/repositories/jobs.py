"""The queue of jobs, as operators and metrics see it. Procrastinate runs the jobs in a worker."""

from datetime import datetime
from typing import Final

from sqlalchemy import text

from app.models import FailedJob, JobCount
from app.models.jobs import SILENT_FOR
from app.repositories.postgres.executor import Executor
from app.repositories.postgres.statements import Statement

# The arguments of a failed job may have any type, so they are compared as text.
_LIST_FAILED: Final = Statement(
    text("""
SELECT job.id, job.task_name, job.attempts, max(event.at), message.kind, message.failure
FROM procrastinate_jobs AS job
LEFT JOIN procrastinate_events AS event ON event.job_id = job.id
LEFT JOIN messages AS message ON CAST(message.id AS text) = job.args ->> 'message_id'
WHERE job.status = 'failed'
GROUP BY job.id, message.id
ORDER BY job.id
LIMIT :limit
"""),
    FailedJob,
)
_RETRY: Final = Statement(
    text("""
UPDATE procrastinate_jobs SET status = 'todo', attempts = 0, scheduled_at = now()
WHERE status = 'failed' AND id = :job_id
RETURNING id
"""),
    int,
)
_DROP: Final = Statement(
    text("""
WITH dropped AS (
    DELETE FROM procrastinate_jobs WHERE status = 'failed' AND id = :job_id RETURNING id, args
), unsent AS (
    DELETE FROM messages USING dropped
    WHERE CAST(messages.id AS text) = dropped.args ->> 'message_id'
)
SELECT id FROM dropped
"""),
    int,
)
# SKIP LOCKED: if several workers run this statement at once, only one of them retries each job.
_RETRY_ABANDONED: Final = Statement(
    text("""
UPDATE procrastinate_jobs AS job
SET attempts = job.attempts + 1, scheduled_at = now(), status = CAST(
    CASE WHEN job.attempts + 1 < :max_attempts THEN 'todo' ELSE 'failed' END
    AS procrastinate_job_status
)
FROM (
    SELECT running.id FROM procrastinate_jobs AS running
    LEFT JOIN procrastinate_workers AS worker ON worker.id = running.worker_id
    WHERE running.status = 'doing'
        AND (worker.id IS NULL OR worker.last_heartbeat < now() - CAST(:silent_for AS interval))
    FOR UPDATE OF running SKIP LOCKED
) AS abandoned
WHERE job.id = abandoned.id
RETURNING job.id
"""),
    int,
)
_CLEAR_FAILED: Final = Statement(
    text("""
DELETE FROM procrastinate_jobs WHERE id IN (
    SELECT job.id FROM procrastinate_jobs AS job
    WHERE job.status = 'failed' AND NOT EXISTS (
        SELECT FROM procrastinate_events AS event
        WHERE event.job_id = job.id AND event.at > :failed_until
    )
    LIMIT :limit
    FOR UPDATE SKIP LOCKED
)
"""),
    tuple,
)
_COUNT: Final = Statement(
    text("""
SELECT queue_name, CAST(status AS text), count(DISTINCT job.id),
    CAST(extract(epoch FROM now() - min(event.at)) AS float)
FROM procrastinate_jobs AS job
JOIN procrastinate_events AS event ON event.job_id = job.id
WHERE status IN ('todo', 'doing', 'failed')
GROUP BY queue_name, status
"""),
    JobCount,
)
_COUNT_WORKERS: Final = Statement(
    text("""
SELECT count(*) FROM procrastinate_workers
WHERE last_heartbeat >= now() - CAST(:silent_for AS interval)
"""),
    int,
)


class JobRepository:
    """Reads and changes the queue."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def list_failed(self, *, limit: int) -> list[FailedJob]:
        """List up to `limit` failed jobs, in the order of ids."""
        return await self._executor.fetch_all(_LIST_FAILED, limit=limit)

    async def retry(self, job_id: int) -> bool:
        """Let a failed job run again, and count its attempts from 0.

        Return False if the job has not failed.
        """
        return await self._executor.fetch_one(_RETRY, job_id=job_id) is not None

    async def drop(self, job_id: int) -> bool:
        """Delete a failed job and the message that it could not send.

        Return False if the job has not failed.
        """
        return await self._executor.fetch_one(_DROP, job_id=job_id) is not None

    async def retry_abandoned(self, *, max_attempts: int) -> int:
        """Let the jobs of killed workers run again, and return the number of all these jobs.

        A worker counts as killed if it has sent no heartbeat for `SILENT_FOR`. A job that has begun
        `max_attempts` times fails instead, because the job itself may kill its worker. Such a job
        is counted, too.
        """
        jobs = await self._executor.fetch_all(
            _RETRY_ABANDONED, silent_for=SILENT_FOR, max_attempts=max_attempts
        )
        return len(jobs)

    async def clear_failed(self, *, failed_until: datetime, limit: int) -> int:
        """Delete up to `limit` failed jobs, and return their number.

        Jobs that failed after `failed_until` stay.
        """
        return await self._executor.execute(_CLEAR_FAILED, failed_until=failed_until, limit=limit)

    async def count(self) -> list[JobCount]:
        """Count the jobs that wait, run or have failed, by queue and state."""
        return await self._executor.fetch_all(_COUNT)

    async def count_workers(self) -> int:
        """Count the workers that have sent a heartbeat within `SILENT_FOR`."""
        return await self._executor.fetch_row(_COUNT_WORKERS, silent_for=SILENT_FOR)
