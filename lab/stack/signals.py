"""Being told to stop, once or twice."""

import signal
import threading
from types import FrameType

STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Ctrl-C, `kill` and a closed terminal set `stopping`; a second Ctrl-C or `kill` `hurry`."""

    def __init__(self) -> None:
        self.stopping = threading.Event()
        self.hurry = threading.Event()

    def listen(self) -> None:
        """From now on for the rest of this process's life."""
        for number in STOPPING:
            signal.signal(number, self._receive)

    def _receive(self, number: int, _: FrameType | None) -> None:
        if self.stopping.is_set() and number != signal.SIGHUP:
            self.hurry.set()
        self.stopping.set()
