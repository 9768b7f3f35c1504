"""What the output can show: how wide it is, whether it has colours and more than ASCII."""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

_RESET = "\033[0m"
_RED, _DIM = "31", "2"
_COLOURS = {"client": "36", "load-balancer": "35"}
_OF_APPS = "32"
_OF_STAGES = {"sql": "33", "commit": "33", "rollback": "33", "pool": "33", "redis": "34"}
_PARTS = " ▏▎▍▌▋▊▉"
_NARROWEST = 40


@dataclass(frozen=True)
class Paper:
    """The page that a waterfall is drawn on."""

    width: int = 80
    blocks: bool = True
    colours: bool = False

    @classmethod
    def of(
        cls, stream: TextIO = sys.stdout, *, ascii_only: bool = False,
        environment: Mapping[str, str] = os.environ,
    ) -> "Paper":  # fmt: skip
        """Look at the output; colours are for a terminal, unless NO_COLOR (no-color.org) is set."""
        return cls(
            width=max(shutil.get_terminal_size().columns, _NARROWEST),
            blocks=not ascii_only and (stream.encoding or "").lower().startswith("utf"),
            colours=stream.isatty() and not environment.get("NO_COLOR"),
        )

    def bar(self, start: float, length: float, columns: int) -> str:
        """Draw from `start` on, both as parts of 1, in so many columns; never nothing at all."""
        before = min(int(start * columns), columns - 1)
        if self.blocks:
            full, part = divmod(max(round(length * columns * 8), 1), 8)
            drawn = "█" * full + _PARTS[part].strip()
        else:
            drawn = "#" * max(round(length * columns), 1)
        return (" " * before + drawn)[:columns].ljust(columns)

    def tint(self, text: str, process: str, stage: str, *, failed: bool) -> str:
        """Colour what belongs to a process; a failure is red wherever it was."""
        if not self.colours:
            return text
        colour = _OF_STAGES.get(stage) or _COLOURS.get(process, _OF_APPS)
        return f"\033[{_RED if failed else colour}m{text}{_RESET}"

    def dim(self, text: str) -> str:
        """Write it less loud."""
        return f"\033[{_DIM}m{text}{_RESET}" if self.colours else text

    def clean(self, text: str, columns: int) -> str:
        """Bring a text of whatever origin onto one line of so many columns, cut if it must be."""
        words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        if not self.blocks:
            words = words.replace("…", "...").encode("ascii", "replace").decode()
        if len(words) <= columns:
            return words
        mark = "…" if self.blocks else "..."
        return words[: max(columns - len(mark), 0)] + mark
