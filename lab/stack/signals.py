"""Handles stop signals: the first stops the stack, the second kills it."""

import signal
import threading
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Ctrl-C, `kill` and a closed terminal set `stopping`; a second Ctrl-C or `kill` `kill_now`."""

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
