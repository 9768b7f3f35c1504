"""The collector of the local stack: takes everybody's spans, and shows each request."""

import http.client
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from lab.stack.apps import answers_ok
from lab.stack.paths import CHECKOUT
from lab.stack.ports import LOOPBACK
from lab.stack.secrets import kept_password
from lab.stack.servers import Server

# What Caddy serves beside the service, here and nowhere else.
ROUTES = CHECKOUT / "lab" / "collector" / "Caddyfile"


class CollectorServer(Server):
    """`python -m lab.collector` on 127.0.0.1; it keeps traces in memory, and nothing on disk."""

    # It has nothing to lose by then, and nobody to answer.
    stop_signal = signal.SIGKILL

    def __init__(
        self, directory: Path, *, environment: Callable[[], Mapping[str, str]], log: Path
    ) -> None:
        """Ask `environment` at each launch for the DATABASE_URL and the ALLOWED_HOSTS."""
        super().__init__("collector", directory, log=log)
        self._settings = environment

    @property
    def url(self) -> str:
        """Where OpenTelemetry's exporters find it."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def service_key(self) -> str:
        """The secret that the app processes send with their spans.

        The collector explains only statements of such spans.
        """
        return kept_password(self.directory / "service-key")

    def ready(self) -> bool:
        """Whether it serves the page."""
        return answers_ok(http.client.HTTPConnection(LOOPBACK, self.port, timeout=1), "/lab")

    def end_streams(self) -> None:
        """Let go of the pages that listen, on which the load balancer would wait at its end."""
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
