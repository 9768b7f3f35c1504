"""Shows the progress of a long step: a bar on a terminal, lines in a file."""

import sys
import time
from typing import TextIO

_WIDTH = 30


class Progress:
    """Shows the progress: a terminal gets one changing line, a file gets a line for each tenth."""

    def __init__(self, unit: str, total: int, stream: TextIO = sys.stdout) -> None:
        self._unit, self._total, self._stream = unit, total, stream
        self._began, self._tenths = time.monotonic(), 0

    def show(self, done: int) -> None:
        """Show that `done` units are complete. The last call must pass the total."""
        rate = done / max(time.monotonic() - self._began, 0.001)
        count = f"{done:,} of {self._total:,} {self._unit}   {rate:,.0f}/s"
        if self._stream.isatty():
            bar = "#" * (_WIDTH * done // self._total)
            end = "\n" if done == self._total else ""
            print(f"\r  [{bar:.<{_WIDTH}}] {count}   ", end=end, file=self._stream, flush=True)
        elif (tenths := 10 * done // self._total) > self._tenths:
            self._tenths = tenths
            print(f"  {count}", file=self._stream, flush=True)
