"""How far a long step has come: a bar on a terminal, lines in a file."""

import sys
import time
from typing import TextIO

_WIDTH = 30


class Progress:
    """Shows `done` of `total`, on a terminal by drawing one line anew, else by a line per tenth."""

    def __init__(self, what: str, total: int, stream: TextIO = sys.stdout) -> None:
        self._what, self._total, self._stream = what, total, stream
        self._began, self._tenths = time.monotonic(), 0

    def show(self, done: int) -> None:
        """Tell that so many are done; the last call is the one with all of them."""
        rate = done / max(time.monotonic() - self._began, 0.001)
        count = f"{done:,} of {self._total:,} {self._what}   {rate:,.0f}/s"
        if self._stream.isatty():
            bar = "#" * (_WIDTH * done // self._total)
            end = "\n" if done == self._total else ""
            print(f"\r  [{bar:.<{_WIDTH}}] {count}   ", end=end, file=self._stream, flush=True)
        elif (tenths := 10 * done // self._total) > self._tenths:
            self._tenths = tenths
            print(f"  {count}", file=self._stream, flush=True)
