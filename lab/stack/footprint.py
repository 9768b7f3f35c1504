"""What a server leaves in its directory, so that it is found again: its port and its process."""

import signal
from pathlib import Path

import psutil

from lab.stack.identity import Identity
from lab.stack.paths import make_directory
from lab.stack.ports import noted_port, remembered_port
from lab.stack.waiting import wait_until


class Footprint:
    """The notes in one server's directory; they outlive the process that wrote them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._record = directory / "process.json"

    def port(self) -> int | None:
        """Return the port as noted; None before the first one is chosen."""
        return noted_port(self._directory / "port")

    def choose_port(self) -> int:
        """Return the port that was used last, or a new one when somebody else has taken that."""
        make_directory(self._directory)
        return remembered_port(self._directory / "port")

    @property
    def identity(self) -> Identity | None:
        """The process as noted; it may have ended."""
        return Identity.load(self._record)

    def process(self) -> psutil.Process | None:
        """Return the noted process if it lives, whoever started it."""
        # Read once: the supervisor may delete the note between two reads.
        identity = self.identity
        return identity.process() if identity else None

    def note(self, pid: int) -> None:
        """Write down a process that has just begun."""
        Identity.of(pid).save(self._record)

    def forget(self) -> None:
        """Delete the note about the process; the port stays noted."""
        self._record.unlink(missing_ok=True)

    def end_process(self, how: signal.Signals, timeout_s: float) -> bool:
        """End the noted process if it lives; whether it did."""
        process = self.process()
        if process is not None:
            end_stranger(process, how, timeout_s)
        self.forget()
        return process is not None


def end_stranger(process: psutil.Process, how: signal.Signals, timeout_s: float) -> None:
    """End a process that is not our child: politely, then by force."""
    try:
        process.send_signal(how)
        if not wait_until(lambda: has_ended(process), timeout_s=timeout_s):
            process.kill()
            wait_until(lambda: has_ended(process), timeout_s=timeout_s)
    except psutil.NoSuchProcess:
        return


def has_ended(process: psutil.Process) -> bool:
    """Whether it does nothing any more, even if its parent has not taken notice yet."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
