"""Start a service as a fork of a process that has already imported the service's modules.

The import takes two seconds of processor time, and more than forty test modules start a service
with their own settings. So one process imports the modules and serves no requests. Each service is
a fork of that process: a real process with its own sockets, log and settings.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["app.main", "uvicorn.main", "uvloop", "httptools"])


class Preloaded:
    """A forked service process, with the methods of `subprocess.Popen` that the tests use."""

    def __init__(
        self, arguments: Sequence[str], *, environment: Mapping[str, str], log: Path
    ) -> None:
        """Run `uvicorn` with these arguments. All that the process prints is added to `log`."""
        script = Path(__file__).with_name("preloaded_service.py")
        values = {"ENVIRONMENT": dict(environment), "LOG": str(log), "ARGUMENTS": [*arguments]}
        self._process = _CONTEXT.Process(target=runpy.run_path, args=(str(script), values))
        self._process.start()

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal. Return None while the process runs."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Return the exit code. Raises `TimeoutExpired` after `timeout` seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self._process), timeout)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self._process.pid is not None and self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless the process has ended."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM, unless the process has ended."""
        self.send_signal(signal.SIGTERM)
