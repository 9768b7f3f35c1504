"""Starts the service's processes as production does, and runs its migrations."""

import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from lab.http_client import send
from lab.stack.config.paths import CHECKOUT
from lab.stack.config.ports import LOOPBACK
from lab.stack.config.telemetry import UNSAMPLED
from lab.stack.errors import InterruptedStartError, LabError
from lab.stack.processes.identity import Identity
from lab.stack.processes.waiting import POLL_INTERVAL_SECONDS, never, wait_until
from lab.stack.servers.service import ServiceProcess

UVICORN = (
    *("--app-dir", str(CHECKOUT)),
    *("--host", LOOPBACK),
    # One process, even if WEB_CONCURRENCY is higher: metrics and drain are per process.
    *("--workers", "1"),
    *("--loop", "uvloop", "--http", "httptools"),
    # Only the load balancer may set the client's address and the scheme.
    *("--proxy-headers", "--forwarded-allow-ips", LOOPBACK),
    # The service itself logs each request. Clients need not know the server software.
    *("--no-access-log", "--no-server-header"),
    # A shutdown may take longer than the request timeout, so that every request is answered.
    *("--timeout-graceful-shutdown", "15"),
    # Without this option, a pipelined request starts with a copy of the previous request's context.
    "--reset-contextvars",
    # uvicorn keeps an idle connection open for longer than the load balancer does. So the load
    # balancer does not reuse a connection that uvicorn is closing.
    *("--timeout-keep-alive", "75"),
)

# Caddy checks each process once a second. The other half second is for the answer.
CADDY_NOTICES_AFTER_SECONDS = 1.5
_MAX_FAILED_STARTS = 3


class AppProcess(ServiceProcess):
    """One uvicorn process of the service.

    After SIGTERM, the process serves until the load balancer has noticed that /readyz returns 503.
    When the whole stack stops, the load balancer has already stopped. So the stack sends SIGINT,
    which skips this delay.
    """

    stop_signal = signal.SIGINT
    stop_timeout_s = 20.0
    # A process that is not ready may still answer.
    unready_state = "is not ready"
    application: Sequence[str] = ("--factory", "app.main:create_app")

    def ready(self) -> bool:
        """Return whether /readyz returns 200."""
        return answers_ok(f"http://{LOOPBACK}:{self.port}/readyz")

    def remedy(self) -> str:
        """Return the command that shows the reason."""
        return why_not_ready(self.port)

    def take_over(self, old: "AppProcess") -> str | None:
        """Let the supervisor start this process. When Caddy has noticed the process, retire `old`.

        Return None if the new process became ready and is still ready after Caddy's check.
        Otherwise, `old` continues to serve, and the result describes the failure.
        """
        before, started = self.identity, set[Identity]()

        def keeps_ending() -> bool:
            now = self.identity
            if now is not None and now != before:
                started.add(now)
            return len(started) > _MAX_FAILED_STARTS

        def is_ready() -> bool:
            return self.process is not None and self.ready()

        self.enable_restart()
        if wait_until(is_ready, timeout_s=60, abort=keeps_ending):
            time.sleep(CADDY_NOTICES_AFTER_SECONDS)
            # On a busy machine, a slow answer is no failure. The end of the process is a failure.
            if wait_until(is_ready, timeout_s=10, abort=lambda: self.process is None):
                old.retire()
                return None
        last_state = "no process was running"
        if (process := self.process) is not None:
            answer = "answered" if self.ready() else "did not answer"
            last_state = f"process {process.pid} {answer} at {LOOPBACK}:{self.port}"
        self.retire()
        return f"The stack started {len(started)} processes. At the end, {last_state}."

    def retire(self) -> None:
        """Send SIGTERM, and keep the supervisor from starting the process again. Do not wait."""
        self.send_signal(signal.SIGTERM)
        # Send the signal first. If this command is killed before the next step, the supervisor
        # restarts the process. One process too many is better than one too few.
        self.disable_restart()

    def _command(self) -> list[str]:
        program = [sys.executable, "-m", "uvicorn", *self.application]
        return [*program, *UVICORN, "--port", str(self.port)]


def answers_ok(url: str, *, tls: ssl.SSLContext | None = None, timeout_s: float = 1) -> bool:
    """Return whether a GET returns 200. Never raises."""
    try:
        response = send("GET", url, headers=UNSAMPLED, tls=tls, timeout_s=timeout_s)
    except OSError:
        return False
    return response.status == HTTPStatus.OK


def why_not_ready(port: int) -> str:
    """Return the command that shows why the service is not ready."""
    return f"See why:  curl -im5 http://{LOOPBACK}:{port}/readyz"


def migrate(environment: Mapping[str, str], *, cancelled: Callable[[], bool] = never) -> None:
    """Migrate the database to the schema that the code expects.

    :raises LabError: when Alembic fails, with its output.
    :raises InterruptedStartError: when `cancelled` returns true meanwhile. Alembic is then
        terminated, and PostgreSQL rolls back the open transaction.
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
        raise InterruptedStartError("The start was interrupted during the migrations.")
    if process.returncode != 0:
        raise LabError(f"The migrations failed:\n\n{output}")


def _output_of(process: "subprocess.Popen[str]", cancelled: Callable[[], bool]) -> str:
    while True:
        try:
            return process.communicate(timeout=POLL_INTERVAL_SECONDS)[0]
        except subprocess.TimeoutExpired:
            if cancelled():
                process.terminate()
