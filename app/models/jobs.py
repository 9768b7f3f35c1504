"""Jobs of the queue, as operators and metrics see them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

MAIL_QUEUE: Final = "mail"
MAINTENANCE_QUEUE: Final = "maintenance"
QUEUES: Final = (MAIL_QUEUE, MAINTENANCE_QUEUE)
SEND_MESSAGE: Final = "send-message"
"""The name of the job that sends one message. Its arguments contain no personal data."""
SILENT_FOR: Final = timedelta(seconds=10)
"""A worker that sends no heartbeat for this time counts as killed. Other workers run its jobs."""
STATES: Final = ("todo", "doing", "failed")
"""A job waits, runs, or has failed for good. A job that succeeds is deleted."""


@dataclass(frozen=True)
class FailedJob:
    """A job that has failed for good. It waits for an operator, who can retry or drop it."""

    id: int
    task: str
    attempts: int
    failed_at: datetime
    message_kind: str | None
    """The kind of the message that the job sends, if it sends one."""
    reason: str | None
    """Why the message could not be sent. None if the job failed for another reason; see the log."""


@dataclass(frozen=True)
class QueueStatus:
    """The numbers of jobs in all queues, and the number of live workers."""

    counts: list["JobCount"]
    workers: int


@dataclass(frozen=True)
class JobCount:
    """The number of jobs of one queue in one state, and the age of the oldest job in seconds."""

    queue: str
    state: str
    """One of `STATES`."""
    jobs: int
    oldest_seconds: float
