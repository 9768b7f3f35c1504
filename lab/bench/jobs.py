"""Measures how fast the service's workers run jobs, compared with procrastinate, their library.

`python -m lab.bench.jobs [JOBS]` starts its own servers. Each job of the service sends a message to
a mail server on this machine. Each job that the library runs without the service does nothing.
"""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Final

import psycopg
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from procrastinate import App, PsycopgConnector

from lab.bench.backends import running_backends
from lab.stack.config.paths import CHECKOUT
from lab.stack.config.ports import LOOPBACK, free_port
from lab.stack.errors import LabError

_JOBS: Final = 10_000
_CONCURRENCY: Final = 4
"""The default of JOB_CONCURRENCY."""
_POLL_SECONDS: Final = 0.1
_MAX_SECONDS: Final = 600
_BARE: Final = "bare"
_RUN_BARE: Final = """
import asyncio, sys
from lab.bench.jobs import run_bare
asyncio.run(run_bare(sys.argv[1]))
"""
_INSERT_BARE: Final = (
    "SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('bare', 'nothing', 0, NULL, NULL, '{}', NULL)"
    "::procrastinate_job_to_defer_v1]) FROM generate_series(1, %s)"
)
_INSERT_MESSAGES: Final = (
    "WITH message AS (INSERT INTO messages (user_id, kind, address)"
    " SELECT %s, 'password-changed', number || '@example.com' FROM generate_series(1, %s) AS number"
    " RETURNING id)"
    " SELECT procrastinate_defer_jobs_v1(ARRAY[ROW('mail', 'send-message', 0, NULL, NULL,"
    " jsonb_build_object('message_id', id), NULL)::procrastinate_job_to_defer_v1]) FROM message"
)


class _Sink:
    async def handle_DATA(self, _: SMTP, __: Session, ___: Envelope) -> str:  # noqa: N802 - aiosmtpd finds a handler by this name.
        return "250 OK"


async def run_bare(url: str) -> None:
    """Run a worker for the queue of empty jobs, until a signal ends the process."""
    app = App(connector=PsycopgConnector(conninfo=url, min_size=1, max_size=4))

    @app.task(name="nothing", queue=_BARE)
    async def nothing() -> None:
        pass

    async with app.open_async():
        await app.run_worker_async(
            queues=[_BARE], concurrency=_CONCURRENCY, delete_jobs="successful"
        )


def measure(jobs: int) -> Iterator[str]:
    """Yield the lines of the result."""
    with ExitStack() as running:
        backends = running.enter_context(running_backends())
        port = free_port()
        sink = Controller(_Sink(), hostname=LOOPBACK, port=port)
        sink.start()
        running.callback(sink.stop)
        settings = backends.environment(SMTP_URL=f"smtp://{LOOPBACK}:{port}?tls=off")
        database = running.enter_context(
            psycopg.connect(backends.postgres.migrator_url, autocommit=True)
        )
        bare = [sys.executable, "-c", _RUN_BARE, backends.postgres.url]
        worker = [sys.executable, "-m", "app", "worker"]
        for workers in (1, 2):
            database.execute(_INSERT_BARE, [jobs])
            alone = _rate(database, [bare] * workers, settings, jobs)
            database.execute(_INSERT_MESSAGES, [backends.user_id, jobs])
            ours = _rate(database, [worker] * workers, settings, jobs)
            yield (
                f"{workers} worker{'s' * (workers - 1)}: {ours:.0f} messages/s, "
                f"the library alone {alone:.0f} jobs/s, ratio {ours / alone:.2f}"
            )
        yield _size(database)


def _rate(
    database: "psycopg.Connection",
    commands: Sequence[Sequence[str]],
    settings: Mapping[str, str],
    jobs: int,
) -> float:
    """Return the jobs per second. The time in which the processes start does not count."""
    with _running(commands, settings):
        begun, left = _wait_until_left(database, jobs - 1)
        if not left:
            raise LabError(f"{jobs} jobs are too few to measure. Try 500.")
        ended, _ = _wait_until_left(database, 0)
    return left / (ended - begun)


@contextmanager
def _running(commands: Sequence[Sequence[str]], settings: Mapping[str, str]) -> Iterator[None]:
    processes = [
        subprocess.Popen(command, cwd=CHECKOUT, env=dict(settings), stdout=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def _wait_until_left(database: "psycopg.Connection", jobs: int) -> tuple[float, int]:
    """Wait until at most `jobs` are left. Return the time and the number that is left."""
    deadline = time.monotonic() + _MAX_SECONDS
    while (left := _left(database)) > jobs:
        if time.monotonic() > deadline:
            raise LabError("The workers did not run the jobs.")
        time.sleep(_POLL_SECONDS)
    return time.monotonic(), left


def _left(database: "psycopg.Connection") -> int:
    return int(database.execute("SELECT count(*) FROM procrastinate_jobs").fetchall()[0][0])


def _size(database: "psycopg.Connection") -> str:
    def measured() -> str:
        rows = database.execute(
            "SELECT pg_size_pretty(sum(pg_total_relation_size(oid))) FROM pg_class"
            " WHERE relname LIKE 'procrastinate%' AND relkind = 'r'"
        ).fetchall()
        return str(rows[0][0])

    before = measured()
    database.execute("VACUUM procrastinate_jobs, procrastinate_events")
    return f"the tables of the queue: {before}, after VACUUM {measured()}"


if __name__ == "__main__":
    for line in measure(int(sys.argv[1]) if len(sys.argv) > 1 else _JOBS):
        print(line, flush=True)
