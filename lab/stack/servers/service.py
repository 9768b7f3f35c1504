"""A process of the service, which runs from the checkout with the settings of the stack."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from lab.stack.paths import CHECKOUT
from lab.stack.servers.server import Server


class ServiceProcess(Server):
    """An app process or the worker."""

    starts_in_background = True

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        log: Path | None,
        environment: Callable[[], Mapping[str, str]],
    ) -> None:
        """Without `log`, the process writes to the caller's standard output.

        `environment` is called at each launch, when the servers' addresses are known.
        """
        super().__init__(name, directory)
        self.log = log
        self._service_environment = environment

    def _environment(self) -> Mapping[str, str]:
        return self._service_environment()

    @property
    def _working_directory(self) -> Path:
        return CHECKOUT


class WorkerProcess(ServiceProcess):
    """`python -m app worker`. It listens on no port. On SIGTERM, it finishes its jobs and ends."""

    fixed_port = 0
    # After 6 seconds, the worker cancels its jobs; after 8, it ends.
    stop_timeout_s = 10.0
    fault_name = "worker"
    stopped_effect = frozen_effect = "jobs wait"

    def ready(self) -> bool:
        """Return whether the process runs and is not frozen."""
        return self.process is not None and not self.frozen

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "app", "worker"]
