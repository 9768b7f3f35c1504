"""A process of the service, which runs from the checkout with the settings of the stack."""

from collections.abc import Callable, Mapping
from pathlib import Path

from lab.stack.config.paths import CHECKOUT
from lab.stack.servers.server import Server


class ServiceProcess(Server):
    """An app process or the worker."""

    starts_in_background = True
    _working_directory = CHECKOUT

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
