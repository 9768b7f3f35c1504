"""What the process that runs a stack tells the commands that come later."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from lab.stack.environment import Choices
from lab.stack.identity import Identity
from lab.stack.paths import Paths
from lab.stack.secrets import write_private
from lab.stack.waiting import wait_until


@dataclass(frozen=True)
class State:
    """One stack as it runs: by whom, with which choices, and whether it serves yet."""

    supervisor: Identity
    choices: Choices
    ready: bool = False

    @classmethod
    def load(cls, paths: Paths) -> Self | None:
        """Of the stack that runs now; None when none does."""
        if not is_held(paths.lock):
            return None
        try:
            fields = json.loads(paths.state.read_text())
        except (FileNotFoundError, ValueError):
            return None
        supervisor = Identity(**fields["supervisor"])
        if supervisor.process() is None:
            # Written by one that was killed; the next one holds the lock, but has not written yet.
            return None
        return cls(supervisor, Choices(**fields["choices"]), ready=fields["ready"])

    def save(self, paths: Paths) -> None:
        """Write it for the owner alone: a given `DATABASE_URL` has its password in it."""
        draft = paths.state.with_name("stack.json.new")
        write_private(draft, json.dumps(asdict(self)))
        draft.replace(paths.state)


class Lock:
    """Held by one process at a time; the kernel lets go of it when that process dies."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def acquire(self, timeout_s: float = 0.5) -> bool:
        """Whether it is ours now. The time covers others who only look whether it is held."""
        return wait_until(self._try, timeout_s=timeout_s)

    def release(self) -> None:
        """Let others have it."""
        os.close(self._descriptor)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_held(path: Path) -> bool:
    """Whether some process holds the lock."""
    if not path.exists():
        return False
    lock = Lock(path)
    try:
        return not lock.acquire(timeout_s=0)
    finally:
        lock.release()
