"""Caddy, the load balancer, with the configuration that production uses."""

import os
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lab.stack.config.paths import CHECKOUT, replace_file
from lab.stack.config.ports import LOOPBACK, listen
from lab.stack.servers import wheels
from lab.stack.servers.apps import answers_ok, why_not_ready
from lab.stack.servers.server import Server

CADDYFILE = CHECKOUT / "deploy" / "Caddyfile"


class CaddyServer(Server):
    """Caddy on the two public ports, in front of the app processes."""

    stop_timeout_s = 20.0
    # Caddy may answer although no app process answers.
    unready_state = "is not ready"

    def __init__(
        self,
        directory: Path,
        *,
        ports: tuple[int, int],
        ca_certificate: Path,
        log: Path,
        upstreams: Callable[[], Sequence[int]],
    ) -> None:
        """`ports` are for HTTP and HTTPS. `upstreams` returns the ports of the app processes.

        The certificate of Caddy's local CA is copied to `ca_certificate`.
        """
        super().__init__("Caddy", directory, log=log)
        self.fixed_port, self._https_port = ports
        self._ca_certificate = ca_certificate
        self._upstreams = upstreams
        self._http_sockets: list[socket.socket] = []
        self._https_sockets: list[socket.socket] = []
        # Called at each launch. Returns further variables for deploy/Caddyfile.
        self.settings: Callable[[], Mapping[str, str]] = dict

    def open_sockets(self, target: str) -> None:
        """Open both public ports, or neither. The processes of Caddy inherit the sockets.

        :raises LabError: when a port is taken. The message names the variable that sets the port,
            and the make target.
        """
        try:
            self._http_sockets = listen(self.port, "HTTP_PORT", target)
            self._https_sockets = listen(self._https_port, "HTTPS_PORT", target)
        except BaseException:
            self.close_sockets()
            raise

    def close_sockets(self) -> None:
        """Close the public ports, so that new connections are refused."""
        for server in (*self._http_sockets, *self._https_sockets):
            server.close()
        self._http_sockets, self._https_sockets = [], []

    def ready(self) -> bool:
        """Return whether a request reaches the service, by HTTP and by HTTPS."""
        by_http = f"http://{LOOPBACK}:{self.port}/readyz"
        if not (self._copy_ca_certificate() and answers_ok(by_http)):
            return False
        tls = ssl.create_default_context(cafile=str(self._ca_certificate))
        return answers_ok(f"https://{LOOPBACK}:{self._https_port}/readyz", tls=tls)

    def remedy(self) -> str:
        """Return the command that shows the reason."""
        return why_not_ready(self.port)

    def _copy_ca_certificate(self) -> bool:
        root = self.directory / "pki" / "authorities" / "local" / "root.crt"
        if not root.exists():
            return False
        if (
            not self._ca_certificate.exists()
            or self._ca_certificate.read_bytes() != root.read_bytes()
        ):
            replace_file(self._ca_certificate, root.read_bytes())
        return True

    def _command(self) -> list[str]:
        return [str(wheels.caddy()), "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]

    def _environment(self) -> Mapping[str, str]:
        return {
            **os.environ,
            "HTTP_PORT": str(self.port),
            "HTTPS_PORT": str(self._https_port),
            "HTTP_BIND": _inherited(self._http_sockets),
            "HTTPS_BIND": _inherited(self._https_sockets),
            "UPSTREAMS": " ".join(f"{LOOPBACK}:{port}" for port in self._upstreams()),
            "CADDY_STORAGE": str(self.directory),
            # Caddy writes into these directories whatever its configuration says.
            "XDG_DATA_HOME": str(self.directory),
            "XDG_CONFIG_HOME": str(self.directory),
            **self.settings(),
        }

    def _inherited_descriptors(self) -> Sequence[int]:
        return [server.fileno() for server in (*self._http_sockets, *self._https_sockets)]


def _inherited(sockets: Sequence[socket.socket]) -> str:
    return " ".join(f"fd/{server.fileno()}" for server in sockets)
