"""When a failed job is tried again."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Final

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.exceptions import JobAborted
from procrastinate.jobs import Job

from app.adapters.mail.errors import MailRefused

_MAX_DOUBLINGS: Final = 30
_JITTER: Final = (0.5, 1.0)
_FINAL: Final = (MailRefused, TypeError, ValueError, RuntimeError)
"""After these errors, another attempt fails too: the job's arguments are wrong, for example."""
_SHUTDOWN: Final = (JobAborted, asyncio.CancelledError)


class Backoff(BaseRetryStrategy):
    """Doubles the pause from attempt to attempt, up to a maximum.

    Each pause is shortened by a random amount, at most by half. Otherwise, jobs that failed at the
    same time, because a server was unavailable, would also be tried again at the same time.
    """

    def __init__(self, max_attempts: int, *, max_pause_seconds: float) -> None:
        """Let the first pause be at most a second."""
        self._max_attempts = max_attempts
        self._max_pause_seconds = max_pause_seconds

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        """Return when to try again. None means that the job waits for an operator."""
        now = datetime.now(UTC)
        if isinstance(exception, _SHUTDOWN):
            # This worker is ending. Another worker can run the job at once.
            return RetryDecision(retry_at=now)
        if isinstance(exception, _FINAL) or job.attempts + 1 >= self._max_attempts:
            return None
        pause = min(self._max_pause_seconds, 2.0 ** min(job.attempts, _MAX_DOUBLINGS))
        shortened = pause * random.uniform(*_JITTER)  # noqa: S311 - no secret
        return RetryDecision(retry_at=now + timedelta(seconds=shortened))
