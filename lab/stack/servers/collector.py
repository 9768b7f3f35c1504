"""The collector of the local stack: receives the spans of all processes, and shows each request."""

import http.client
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from lab.stack.paths import CHECKOUT
from lab.stack.ports import LOOPBACK
from lab.stack.secrets import load_or_create_password
from lab.stack.servers.apps import answers_ok
from lab.stack.servers.server import Server

# The file with the routes that Caddy serves only in the local stack.
ROUTES = CHECKOUT / "lab" / "collector" / "Caddyfile"


class CollectorServer(Server):
    """`python -m lab.collector` on 127.0.0.1. It keeps traces in memory, and not on disk."""

    # SIGKILL loses nothing: the collector has no data to save and, at a stop, no request to answer.
    stop_signal = signal.SIGKILL

    def __init__(
        self, directory: Path, *, environment: Callable[[], Mapping[str, str]], log: Path
    ) -> None:
        """`environment` is called at each launch and returns DATABASE_URL and ALLOWED_HOSTS."""
        super().__init__("collector", directory, log=log)
        self._settings = environment

    @property
    def url(self) -> str:
        """The endpoint for OpenTelemetry's exporters."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def service_key(self) -> str:
        """The secret that the app processes send with their spans.

        The collector runs EXPLAIN only for SQL statements of spans that came with this secret.
        """
        return load_or_create_password(self.directory / "service-key")

    def ready(self) -> bool:
        """Return whether the collector serves its page."""
        return answers_ok(http.client.HTTPConnection(LOOPBACK, self.port, timeout=1), "/lab")

    def end_streams(self) -> None:
        """Close the pages' event streams. The load balancer would wait for them when it stops."""
        process = self.process
        if process is not None:
            process.send_signal(signal.SIGUSR1)

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "lab.collector", str(self.port)]

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, **self._settings(), "COLLECTOR_SERVICE_KEY": self.service_key}

    @property
    def _working_directory(self) -> Path:
        return CHECKOUT
