"""Run programs as forks of a process that has already imported the modules of the service.

The import takes more than a second of processor time. The tests start about 150 services, workers
and commands, each with its own settings. So one process imports the modules and does nothing else.
Each program is a fork of that process: a real process with its own sockets, output and settings.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "app.main",
        "app.jobs.worker",
        "app.tracing.export",
        "alembic.config",
        "uvicorn.main",
        "uvloop",
        "httptools",
    ]
)


class Preloaded:
    """A forked process, with the methods of `subprocess.Popen` that the tests use."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        stdout: Path,
        stderr: Path | None = None,
    ) -> None:
        """Run `python -m` with this command: `app`, `alembic` or `uvicorn`, and its arguments.

        The output is appended to the file `stdout`, and errors to the file `stderr`. Without
        `stderr`, errors are also appended to `stdout`.
        """
        script = Path(__file__).with_name("preloaded_program.py")
        values = {
            "COMMAND": [*command],
            "ENVIRONMENT": dict(environment),
            "STDOUT": str(stdout),
            "STDERR": str(stderr or stdout),
        }
        self._process = _CONTEXT.Process(target=runpy.run_path, args=(str(script), values))
        self._process.start()

    @property
    def pid(self) -> int:
        """The number of the process."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, or None while the process runs. A signal gives a negative code."""
        return self._process.exitcode

    def wait(self, timeout: float) -> int:
        """Return the exit code. Raises `TimeoutExpired` after `timeout` seconds."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(str(self._process), timeout)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL, unless the process has ended."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM, unless the process has ended."""
        self.send_signal(signal.SIGTERM)


def run(
    command: Sequence[str], *, environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end, as `subprocess.run` does, and return what it printed.

    After 30 seconds, kills the process and raises `TimeoutExpired`.
    """
    with TemporaryDirectory() as directory:
        stdout, stderr = Path(directory, "stdout"), Path(directory, "stderr")
        process = Preloaded(command, environment=environment, stdout=stdout, stderr=stderr)
        try:
            status = process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(command, status, stdout.read_text(), stderr.read_text())
