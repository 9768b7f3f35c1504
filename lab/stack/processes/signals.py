"""Handles stop signals: the first signal stops the stack, and the second signal kills it."""

import signal
import threading
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """The first stop signal sets `stopping`. A later SIGINT or SIGTERM also sets `kill_now`.

    Ctrl-C sends SIGINT, `kill` sends SIGTERM, and a terminal that is closed sends SIGHUP.
    """

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.kill_now = threading.Event()

    def listen(self) -> None:
        """Install the signal handlers for the rest of this process."""
        for number in STOPPING:
            signal.signal(number, self._receive)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.stopping.is_set() and number != signal.SIGHUP:
            self.kill_now.set()
        self.stopping.set()
