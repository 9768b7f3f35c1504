"""The worker of the service, which runs jobs: it sends messages, for example."""

import sys

from lab.stack.servers.service import ServiceProcess


class WorkerProcess(ServiceProcess):
    """`python -m app worker`. It listens on no port. On SIGTERM, it finishes its jobs and ends."""

    fixed_port = 0
    # After 6 seconds, the worker cancels its jobs. After 8 seconds at most, it ends.
    stop_timeout_s = 10.0
    fault_name = "worker"
    stopped_effect = frozen_effect = "jobs wait"

    def ready(self) -> bool:
        """Return whether the process runs and is not frozen."""
        return self.process is not None and not self.frozen

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "app", "worker"]
