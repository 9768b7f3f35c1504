"""The collector of the local stack: receives spans and messages, and shows them."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from lab.stack.config.paths import CHECKOUT
from lab.stack.config.ports import LOOPBACK, RecordedPort
from lab.stack.config.secrets import load_or_create_password
from lab.stack.servers.apps import answers_ok
from lab.stack.servers.server import Server

# The file with the routes that Caddy serves only in the local stack.
ROUTES = CHECKOUT / "lab" / "collector" / "Caddyfile"
# The file with the headers that Caddy adds to its spans only in the local stack.
SPAN_ATTRIBUTES = CHECKOUT / "lab" / "collector" / "headers.Caddyfile"


class CollectorServer(Server):
    """`python -m lab.collector` on 127.0.0.1. It keeps traces in memory, and messages on the disk.

    It listens on two ports: for HTTP and for SMTP.
    """

    # SIGKILL loses no message: an accepted message is already on the disk. The load balancer stops
    # before the collector, so no request is in progress.
    stop_signal = signal.SIGKILL
    _working_directory = CHECKOUT

    def __init__(
        self, directory: Path, *, environment: Callable[[], Mapping[str, str]], log: Path
    ) -> None:
        """`environment` is called at each launch and returns settings, such as DATABASE_URL."""
        super().__init__("collector", directory, log=log)
        self._settings = environment
        self._smtp_port = RecordedPort(directory / "smtp-port")

    @property
    def url(self) -> str:
        """The endpoint for OpenTelemetry's exporters."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def smtp_port(self) -> int:
        """The port of the mailbox, to which the service sends its messages."""
        return self._smtp_port.number

    def choose_port(self) -> int:
        """Choose both ports, and return the port for HTTP."""
        self._smtp_port.choose()
        return super().choose_port()

    @property
    def service_key(self) -> str:
        """The secret that the app processes send with their spans.

        The collector runs EXPLAIN only for SQL statements in spans that were sent with this secret.
        """
        return load_or_create_password(self.directory / "service-key")

    def ready(self) -> bool:
        """Return whether the collector serves its page."""
        return answers_ok(f"{self.url}/lab")

    def end_streams(self) -> None:
        """Close the event streams of pages. Otherwise, the load balancer waits for them to end."""
        self.send_signal(signal.SIGUSR1)

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "lab.collector", str(self.port), str(self.smtp_port),
                str(self.directory / "mail")]  # fmt: skip

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, **self._settings(), "COLLECTOR_SERVICE_KEY": self.service_key}
