"""Records the ports and the process of a server, so that other processes find the server."""

import signal
from pathlib import Path

import psutil

from lab.stack.config.paths import make_directory
from lab.stack.config.ports import noted_port, remembered_port
from lab.stack.processes.identity import Identity
from lab.stack.processes.waiting import wait_until


class RecordedPort:
    """A port in a file. The file remains when the process that wrote it ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._chosen: int | None = None

    @property
    def number(self) -> int:
        """The chosen or recorded port. If there is none, choose one."""
        return self._chosen or noted_port(self._file) or self.choose()

    def choose(self) -> int:
        """Choose the port for as long as this object exists: the recorded port, if it is free.

        Only the process that starts the server calls this. Other processes read the record.
        """
        if self._chosen is None:
            make_directory(self._file.parent)
            self._chosen = remembered_port(self._file)
        return self._chosen


class ServerRecord:
    """The recorded process of one server."""

    def __init__(self, directory: Path) -> None:
        self._process_file = directory / "process.json"

    @property
    def identity(self) -> Identity | None:
        """The recorded process, which may have ended."""
        return Identity.load(self._process_file)

    def process(self) -> psutil.Process | None:
        """Return the recorded process if it runs, even if another program started it."""
        # Read the file only once: the supervisor may delete the file between two reads.
        identity = self.identity
        return identity.process() if identity else None

    def save_process(self, pid: int) -> None:
        """Record a process that has just started."""
        Identity.of(pid).save(self._process_file)

    def delete_process(self) -> None:
        """Delete the record of the process."""
        self._process_file.unlink(missing_ok=True)

    def end_process(self, stop_signal: signal.Signals, timeout_s: float) -> bool:
        """End the recorded process if it runs. Return whether it ran."""
        process = self.process()
        if process is not None:
            terminate_or_kill(process, stop_signal, timeout_s)
        self.delete_process()
        return process is not None


def terminate_or_kill(
    process: psutil.Process, stop_signal: signal.Signals, timeout_s: float
) -> None:
    """Send `stop_signal`, and SIGKILL after the timeout. The process need not be a child."""
    try:
        process.send_signal(stop_signal)
        if not wait_until(lambda: has_ended(process), timeout_s=timeout_s):
            process.kill()
            wait_until(lambda: has_ended(process), timeout_s=timeout_s)
    except psutil.NoSuchProcess:
        return


def has_ended(process: psutil.Process) -> bool:
    """Return whether a process has ended. A zombie process counts as ended."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
