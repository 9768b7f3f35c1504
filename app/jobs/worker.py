"""The worker: it runs the jobs of the queue until SIGTERM, several at a time."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import structlog
from procrastinate import App, JobContext

from app.adapters.mail.errors import MailError
from app.container import Container
from app.errors import AppError
from app.jobs.retries import Backoff
from app.models.jobs import MAIL_QUEUE, MAINTENANCE_QUEUE, SEND_MESSAGE, SILENT_FOR
from app.repositories.postgres.job_connector import UNAVAILABLE, create_connector
from app.settings import Settings, SettingsError
from app.tracing import consuming

_log = structlog.get_logger()
_HEARTBEAT_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 1.0
"""The pause between two searches for jobs that can run.

The worker must search: PostgreSQL notifies it of a new job, but not when the pause of a failed job
ends. Through a pooler, the worker gets no notifications at all.
"""
_GRACE_SECONDS: Final = 6.0
"""A job that still runs this long after SIGTERM is cancelled. Another worker tries it again.

A worker that shuts down sends no heartbeats. So this time and `_HEARTBEAT_SECONDS` together are
shorter than `SILENT_FOR`: otherwise, another worker would run the job while it still runs here.
"""
_GIVE_UP_SECONDS: Final = _GRACE_SECONDS + 2.0
"""The maximum time from SIGTERM until the process ends."""
_ABANDONED_CHECK_SECONDS: Final = 2.0
_RESTART_PAUSE_SECONDS: Final = 1.0
_MAX_SWEEP_ATTEMPTS: Final = 5
"""Few are enough: the next sweep also deletes the expired rows that a failed sweep has left."""


class Worker:
    """Runs jobs. If PostgreSQL is unavailable, it waits until PostgreSQL is back."""

    def __init__(self, settings: Settings, container: Container) -> None:
        """Register the jobs. Raises `SettingsError` if SWEEP_SCHEDULE is invalid."""
        self._container = container
        self._concurrency = settings.job_concurrency
        # PostgreSQL notifies the session that listens. Through a pooler, a worker has no session of
        # its own, so it polls.
        self._listens = settings.database_pooler == "none"
        self._ending = asyncio.Event()
        self._app = App(connector=create_connector(settings))
        self._max_attempts, max_pause = settings.job_max_attempts, settings.job_max_pause
        send = self._app.task(
            name=SEND_MESSAGE,
            queue=MAIL_QUEUE,
            retry=Backoff(self._max_attempts, max_pause_seconds=max_pause),
            pass_context=True,
        )
        send(self._send_message)
        sweep = self._app.task(
            name="sweep",
            queue=MAINTENANCE_QUEUE,
            # Only one worker sweeps at a time.
            lock="sweep",
            retry=Backoff(_MAX_SWEEP_ATTEMPTS, max_pause_seconds=max_pause),
        )
        periodic = self._app.periodic_registry.register_task(
            sweep(self._sweep), cron=settings.sweep_schedule, periodic_id="", configure_kwargs={}
        )
        # Parse the schedule now. Procrastinate would parse it only when the worker runs.
        try:
            _ = periodic.croniter
        except ValueError:
            raise SettingsError(
                "SWEEP_SCHEDULE is not in cron's notation; write it like `*/10 * * * *`"
            ) from None

    async def run(self) -> None:
        """Run jobs until SIGTERM or SIGINT. Then finish the jobs that are running."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._end)
        while not self._ending.is_set():
            try:
                await self._run_until_failure()
            except UNAVAILABLE as error:
                _log.warning("worker_interrupted", reason=type(error.__cause__ or error).__name__)
            except Exception:  # noqa: BLE001 - nothing else would start the jobs again
                _log.exception("worker_interrupted")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), _RESTART_PAUSE_SECONDS)

    def _end(self) -> None:
        self._ending.set()
        # If PostgreSQL is frozen, the jobs cannot end. The process then exits after
        # `_GIVE_UP_SECONDS`, and other workers run the jobs later.
        asyncio.get_running_loop().call_later(_GIVE_UP_SECONDS, os._exit, 1)

    async def _run_until_failure(self) -> None:
        """Run jobs until a signal, or until Procrastinate stops because of an error."""
        queues = [MAINTENANCE_QUEUE]
        if self._container.messages.can_send:
            queues.append(MAIL_QUEUE)
        else:
            _log.warning("mail_not_configured", advice="set SMTP_URL to send messages")
        async with self._app.open_async():
            working = asyncio.create_task(
                self._app.run_worker_async(
                    queues=queues,
                    concurrency=self._concurrency,
                    install_signal_handlers=False,
                    delete_jobs="successful",
                    fetch_job_polling_interval=_POLL_SECONDS,
                    listen_notify=self._listens,
                    update_heartbeat_interval=_HEARTBEAT_SECONDS,
                    stalled_worker_timeout=SILENT_FOR.total_seconds(),
                    shutdown_graceful_timeout=_GRACE_SECONDS,
                    worker_middleware=[_log_failure],
                )
            )
            retrying = asyncio.create_task(self._retry_abandoned())
            ending = asyncio.create_task(self._ending.wait())
            try:
                await asyncio.wait({working, retrying, ending}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # After the cancellation, Procrastinate still waits for the running jobs.
                for task in (working, retrying, ending):
                    task.cancel()
            for task in (working, retrying):
                with suppress(asyncio.CancelledError):
                    await task

    async def _retry_abandoned(self) -> None:
        while True:
            try:
                retried = await self._container.jobs.retry_abandoned(
                    max_attempts=self._max_attempts
                )
            except AppError as error:
                _log.warning("abandoned_jobs_unknown", reason=error.code)
            else:
                if retried:
                    _log.warning("abandoned_jobs_retried", jobs=retried)
            await asyncio.sleep(_ABANDONED_CHECK_SECONDS)

    async def _send_message(
        self,
        context: JobContext,
        *,
        message_id: int,
        traceparent: str | None = None,
        added_at: float | None = None,
    ) -> None:
        job = context.job
        if job.scheduled_at is not None:
            added_at = job.scheduled_at.timestamp()
        with consuming(MAIL_QUEUE, SEND_MESSAGE, traceparent=traceparent, ready_since=added_at):
            kind = await self._container.messages.send(message_id)
        event = "message_sent" if kind is not None else "message_not_wanted"
        _log.info(event, message_id=message_id, kind=kind, attempt=job.attempts + 1)

    async def _sweep(self, timestamp: int) -> None:  # noqa: ARG002 - periodic tasks have it
        _log.info("swept", **await self._container.sweeps.sweep())


async def _log_failure(
    run: Callable[[], Awaitable[object]], context: JobContext, _: object
) -> object:
    job = context.job
    log = _log.bind(
        job_id=job.id,
        task=job.task_name,
        message_id=job.task_kwargs.get("message_id"),
        attempt=job.attempts + 1,
    )
    try:
        return await run()
    except (MailError, AppError) as error:
        log.warning("job_failed", reason=str(error))
        raise
    except Exception:
        log.exception("job_failed")
        raise
