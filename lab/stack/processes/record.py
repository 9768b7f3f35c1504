"""Records a port, so that other processes find it, and ends a process that may not be a child."""

import signal
from pathlib import Path

import psutil

from lab.stack.config.paths import make_directory
from lab.stack.config.ports import noted_port, remembered_port
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
