"""One process at a time works on a stack's directory."""

import fcntl
import os
from pathlib import Path

from lab.stack.waiting import wait_until


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
