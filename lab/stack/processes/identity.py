"""Identifies a process. Its id alone is not enough: the system reuses ids of ended processes."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from lab.stack.config.paths import replace_file

# The system computes the start time from the boot time, which a clock correction changes a little.
CLOCK_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True)
class Identity:
    """A process id, and the time when the process started (seconds since the epoch)."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """Return the identity of a running process.

        :raises psutil.NoSuchProcess: when the process has already ended.
        """
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """Return the process if it runs. None if it has ended or another process has its id now."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) > CLOCK_TOLERANCE_SECONDS:
                return None
            # A zombie counts as ended: in a container, its parent may never reap it.
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.NoSuchProcess:
            return None

    def save(self, path: Path) -> None:
        """Write the file atomically (see `replace_file`)."""
        replace_file(path, json.dumps(asdict(self)).encode())

    @classmethod
    def load(cls, path: Path) -> "Identity | None":
        """Read the file that `save` has written. None if the file is missing or damaged."""
        try:
            fields = json.loads(path.read_text())
            return cls(int(fields["pid"]), float(fields["created"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
