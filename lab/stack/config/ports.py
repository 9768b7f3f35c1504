"""Ports on the loopback: two for clients, and the ports between the stack's processes."""

import errno
import secrets
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from lab.stack.config.environment import HIGHEST_PORT
from lab.stack.config.paths import make_directory
from lab.stack.errors import LabError

LOOPBACK = "127.0.0.1"
REDIS_PORT = 6379
SENTINEL_PORT = 26379
"""The default ports of a Redis server and of a sentinel."""
# By default, outgoing connections use ports from 32768 (Linux) or 49152 (macOS) upward. So no
# outgoing connection takes the port of a server that is not running.
_SERVER_PORTS = range(20_000, 32_768)
_MAX_TRIES = 100
_claimed = set[int]()
"""The ports that this process has claimed."""


class RecordedPort:
    """A port in a file. The file remains when the process that wrote it ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._chosen: int | None = None

    @property
    def number(self) -> int:
        """The chosen or recorded port. If there is none, choose one."""
        return self._chosen or self._recorded() or self.choose()

    def choose(self) -> int:
        """Choose the port for as long as this object exists: the recorded port, if it is free.

        Only the process that starts the server calls this. Otherwise, the file could name a port
        that no server uses. As with `free_port`, the port is claimed until this process ends.
        """
        if self._chosen is None:
            port = self._recorded()
            if port not in _SERVER_PORTS or not is_free(port) or not _claim(port):
                port = free_port()
                make_directory(self._file.parent)
                self._file.write_text(str(port))
            self._chosen = port
        return self._chosen

    def _recorded(self) -> int:
        """Return the port in the file; 0 if the file is missing or damaged."""
        text = self._file.read_text() if self._file.exists() else ""
        return int(text) if text.isdigit() else 0


def free_port() -> int:
    """Return a random port on which no server listens.

    On Linux, no other process that calls this gets the same port until this process ends.

    :raises LabError: when no free port is found.
    """
    for _ in range(_MAX_TRIES):
        port = secrets.choice(_SERVER_PORTS)
        if port not in _claimed and is_free(port) and _claim(port):
            return port
    raise LabError(f"No free port was found on {LOOPBACK}. See the ports in use:  ss -tln")


def _claim(port: int) -> bool:
    """Keep other processes from choosing this port. False if another process has claimed it.

    The claim lasts until this process ends. Without it, another stack that starts now would find
    the port free, because the server does not listen yet. The claim is a socket name in Linux's
    abstract namespace: only one process can bind such a name. On other systems, a claim does
    nothing and succeeds.
    """
    if port in _claimed or sys.platform != "linux":
        return True
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0roundtrip-port-{port}")
    except OSError:
        claim.close()
        return False
    # The descriptor stays open until the process ends.
    claim.detach()
    _claimed.add(port)
    return True


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port."""
    try:
        _listen(socket.AF_INET, LOOPBACK, port).close()
    except OSError:
        return False
    return True


def accepts(port: int) -> bool:
    """Return whether a server listens on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


def listen(port: int, variable: str, target: str) -> list[socket.socket]:
    """Open listening sockets on 127.0.0.1 and, if the machine has IPv6, on ::1.

    The supervisor keeps the sockets open and passes them to the load balancer. So clients'
    connections wait while the load balancer restarts.

    :raises LabError: when the port cannot be opened. The message shows how to choose another port
        with `variable`.
    """
    try:
        sockets = [_listen(socket.AF_INET, LOOPBACK, port)]
    except OSError as error:
        raise _unusable(port, variable, target, error) from error
    try:
        sockets.append(_listen(socket.AF_INET6, "::1", port))
    except OSError as error:
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            sockets[0].close()
            raise _unusable(port, variable, target, error) from error
        # This machine has no IPv6, so no client can connect to ::1.
    return sockets


def _listen(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    server = socket.socket(family)
    try:
        # Without this, old connections of a stack that has just ended (TIME_WAIT) block the port.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        server.bind((host, port))
        server.listen(1024)
    except OSError:
        server.close()
        raise
    return server


def _unusable(port: int, variable: str, target: str, error: OSError) -> LabError:
    reason = {
        errno.EADDRINUSE: "is taken by another program",
        errno.EACCES: "cannot be opened by this user",
    }.get(error.errno or 0, f"cannot be opened ({error.strerror})")
    # A port below 1024 needs root.
    step = 8000 if port < 1024 else -1 if port == HIGHEST_PORT else 1  # noqa: PLR2004
    advice = f"Use another port:  {variable}={port + step} make {target}"
    return LabError(f"Port {port} {reason}. {advice}")


def with_port(url: str, port: int) -> str:
    """Return the URL of the same database and role at another port of this machine."""
    parts = urlsplit(url)
    credentials = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{credentials}@{LOOPBACK}:{port}"))


def addresses_in(url: str, default_port: int) -> list[tuple[str, int]]:
    """Return the hosts and ports of a URL, which may list several hosts, separated by commas."""
    hosts = [urlsplit(f"//{host}") for host in urlsplit(url).netloc.rpartition("@")[2].split(",")]
    return [(host.hostname or "localhost", host.port or default_port) for host in hosts]
