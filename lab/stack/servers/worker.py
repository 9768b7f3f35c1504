"""The worker of the service, which runs jobs: it sends messages, for example."""

import signal
import sys

from lab.stack.processes.faults import is_frozen
from lab.stack.servers.service import ServiceProcess


class WorkerProcess(ServiceProcess):
    """`python -m app worker`. It listens on no port. On SIGTERM, it finishes its jobs and ends."""

    stop_signal = signal.SIGTERM
    # After 6 seconds, the worker cancels its jobs; after 8, it ends.
    stop_timeout_s = 10.0
    fault_name = "worker"
    stopped_effect = frozen_effect = "jobs wait"
    starts_in_background = True

    @property
    def port(self) -> int:
        """0: there is no port."""
        return 0

    def choose_port(self) -> int:
        """Return 0: there is no port."""
        return 0

    def ready(self) -> bool:
        """Return whether the process runs and is not frozen."""
        process = self.process
        return process is not None and not is_frozen(process)

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "app", "worker"]
