"""A lock file, so that only one process at a time works on a stack's directory."""

import fcntl
import os
from pathlib import Path

from lab.stack.processes.waiting import wait_until


class Lock:
    """A lock that one process at a time can hold. The kernel releases it when the process ends."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def acquire(self, timeout_s: float = 0.5) -> bool:
        """Try to acquire the lock until the timeout. Return whether this succeeded.

        `is_held` in another process acquires the lock for a moment. The default timeout is longer
        than this moment, so `is_held` never makes this method fail.
        """
        return wait_until(self._try, timeout_s=timeout_s)

    def release(self) -> None:
        """Release the lock."""
        os.close(self._descriptor)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock of this file."""
    if not path.exists():
        return False
    lock = Lock(path)
    try:
        return not lock.acquire(timeout_s=0)
    finally:
        lock.release()
