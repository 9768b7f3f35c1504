"""When a failed job is tried again."""

import asyncio
from datetime import UTC, datetime

import pytest
from procrastinate.jobs import Job

from app.adapters.mail.errors import MailRefused, MailUnavailable
from app.jobs import worker
from app.jobs.retries import Backoff
from app.models.jobs import SILENT_FOR

_BACKOFF = Backoff(10, max_pause_seconds=60)


def _job(attempts: int) -> Job:
    return Job(
        id=1,
        queue="mail",
        lock=None,
        queueing_lock=None,
        task_name="send-message",
        attempts=attempts,
    )


def _pause(error: BaseException, attempts: int) -> float | None:
    before = datetime.now(UTC)
    decision = _BACKOFF.get_retry_decision(exception=error, job=_job(attempts))
    if decision is None or decision.retry_at is None:
        return None
    return (decision.retry_at - before).total_seconds()


@pytest.mark.parametrize(("attempts", "longest"), [(0, 1), (1, 2), (5, 32), (6, 60), (8, 60)])
def test_the_pause_doubles_up_to_a_maximum(attempts: int, longest: float) -> None:
    """Each pause is shortened at random, by up to a half, so that jobs run at different times."""
    pauses = [_pause(MailUnavailable("away"), attempts) for _ in range(20)]
    assert all(pause is not None and longest / 2 <= pause <= longest + 1 for pause in pauses)
    assert len({round(pause or 0, 3) for pause in pauses}) > 1


def test_the_last_attempt_is_final() -> None:
    """Ten attempts are allowed, and nine have failed before this one."""
    assert _pause(MailUnavailable("away"), 9) is None


@pytest.mark.parametrize("error", [MailRefused("unknown"), TypeError(), ValueError()])
def test_some_errors_are_final(error: Exception) -> None:
    """After such an error, another attempt would fail too."""
    assert _pause(error, 0) is None


def test_a_job_that_the_worker_has_cancelled_runs_again_at_once() -> None:
    """The worker is ending, and another worker may be free. This attempt does not count."""
    pause = _pause(asyncio.CancelledError(), 9)
    assert pause is not None
    assert pause < 1


def test_a_worker_that_shuts_down_does_not_count_as_killed() -> None:
    """During a shutdown, a worker sends no heartbeats. Other workers must not run its jobs yet."""
    longest_silence = worker._HEARTBEAT_SECONDS + worker._GRACE_SECONDS  # noqa: SLF001 - the values
    assert longest_silence < SILENT_FOR.total_seconds()
