"""The service's own processes, started the way production starts them, and its migrations."""

import http.client
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from lab.stack.errors import InterruptedStartError, LabError
from lab.stack.identity import Identity
from lab.stack.paths import CHECKOUT
from lab.stack.ports import LOOPBACK
from lab.stack.servers import Server
from lab.stack.telemetry import UNSAMPLED
from lab.stack.waiting import POLL_S, never, wait_until

UVICORN = (
    *("--app-dir", str(CHECKOUT)),
    *("--host", LOOPBACK),
    *("--loop", "uvloop", "--http", "httptools"),
    # The load balancer tells who asks and over which scheme, and only it is believed.
    *("--proxy-headers", "--forwarded-allow-ips", LOOPBACK),
    # The service writes one line per request itself, and names no server to strangers.
    *("--no-access-log", "--no-server-header"),
    # Longer than the longest request may take: what has begun is answered.
    *("--timeout-graceful-shutdown", "15"),
    # Without this, a pipelined request begins in a copy of the context of the one before it.
    "--reset-contextvars",
    # Longer than the load balancer keeps a connection for the next request.
    *("--timeout-keep-alive", "75"),
)


# Caddy checks every second whether a process is ready. The rest is time for the answer.
NOTICED_AFTER_S = 1.5
_MAX_FAILED_STARTS = 3


class AppProcess(Server):
    """One uvicorn process of the service.

    Told by SIGTERM to end, it first says at /readyz that it will, and goes on serving until the
    load balancer knows. When the whole stack ends nobody is left to be told, and SIGINT, which
    uvicorn takes for the same, saves that time.
    """

    stop_signal = signal.SIGINT
    stop_timeout_s = 20.0
    # It may well answer, and say so itself.
    unready = "not ready"
    starts_in_background = True
    application: Sequence[str] = ("--factory", "app.main:create_app")

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        log: Path | None,
        environment: Callable[[], Mapping[str, str]],
    ) -> None:
        """Without `log` it writes where the caller writes.

        `environment` is asked at each launch, when the servers' addresses are known.
        """
        super().__init__(name, directory)
        self.log = log
        self._service_environment = environment

    def ready(self) -> bool:
        """Whether it says that it can serve requests."""
        return answers_ok(http.client.HTTPConnection(LOOPBACK, self.port, timeout=1))

    def take_over(self, old: "AppProcess") -> str | None:
        """Start this process; when it is ready and Caddy has had time to see it, retire `old`.

        The supervisor, which is another process, starts this one. Returns None if it became ready
        and stayed so. Otherwise `old` continues to serve, and a sentence says what went wrong.
        """
        before, started = self.identity, set[Identity]()

        def keeps_ending() -> bool:
            now = self.identity
            if now is not None and now != before:
                started.add(now)
            return len(started) > _MAX_FAILED_STARTS

        def is_ready() -> bool:
            return self.process is not None and self.ready()

        self.release()
        if wait_until(is_ready, timeout_s=60, give_up=keeps_ending):
            time.sleep(NOTICED_AFTER_S)
            # One slow answer of a busy machine is no reason to give up; an ended process is.
            if wait_until(is_ready, timeout_s=10, give_up=lambda: self.process is None):
                old.retire()
                return None
        found = "there was no process"
        if (process := self.process) is not None:
            answer = "answered" if self.ready() else "did not answer"
            found = f"process {process.pid} {answer} at {LOOPBACK}:{self.port}"
        self.retire()
        return f"{len(started)} processes were started for it; in the end, {found}."

    def retire(self) -> None:
        """Send SIGTERM, and keep the supervisor from starting the process again. Do not wait."""
        process = self.process
        if process is not None:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGTERM)
        # The signal comes first: if this command is killed between the two steps, the supervisor
        # starts the process again, and there is one too many instead of one too few.
        self.hold_down()

    def _command(self) -> list[str]:
        program = [sys.executable, "-m", "uvicorn", *self.application]
        return [*program, *UVICORN, "--port", str(self.port)]

    def _environment(self) -> Mapping[str, str]:
        return self._service_environment()

    @property
    def _working_directory(self) -> Path:
        return CHECKOUT


def answers_ok(connection: http.client.HTTPConnection, path: str = "/readyz") -> bool:
    """Whether a GET gives 200. Never raises."""
    try:
        connection.request("GET", path, headers=UNSAMPLED)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def migrate(environment: Mapping[str, str], *, cancelled: Callable[[], bool] = never) -> None:
    """Bring the database to the schema that the code expects.

    :raises LabError: with what Alembic said.
    :raises InterruptedStartError: when `cancelled` said so first; Alembic then rolls back.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        env=dict(environment),
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    output = _output_of(process, cancelled)
    if cancelled():
        raise InterruptedStartError("Told to stop during the migrations.")
    if process.returncode != 0:
        raise LabError(f"The migrations failed:\n\n{output}")


def _output_of(process: "subprocess.Popen[str]", cancelled: Callable[[], bool]) -> str:
    while True:
        try:
            return process.communicate(timeout=POLL_S)[0]
        except subprocess.TimeoutExpired:
            if cancelled():
                process.terminate()
