"""Which process is meant: a number alone is given away again after its owner's death."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

# The kernel tells a start time relative to the boot time, which a clock correction shifts a little.
CLOCK_TOLERANCE_S = 2.0


@dataclass(frozen=True)
class Identity:
    """A process id together with the moment its process began (seconds since the epoch)."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> "Identity":
        """Look at a living process.

        :raises psutil.NoSuchProcess: when it has ended already.
        """
        return cls(pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """Return the process if it lives; None when it ended or another has its number now."""
        try:
            process = psutil.Process(self.pid)
            if abs(process.create_time() - self.created) > CLOCK_TOLERANCE_S:
                return None
            # A dead process whose parent has not looked yet; in a container perhaps nobody will.
            return None if process.status() == psutil.STATUS_ZOMBIE else process
        except psutil.NoSuchProcess:
            return None

    def save(self, path: Path) -> None:
        """Write it so that a reader sees either nothing or all of it."""
        draft = path.with_name(path.name + ".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Identity | None":
        """Read what `save` has written; None when there is nothing, or nothing whole."""
        try:
            fields = json.loads(path.read_text())
            return cls(int(fields["pid"]), float(fields["created"]))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None
