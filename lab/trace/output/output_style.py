"""The style of the output: its width, its colours, and whether it can use Unicode."""

import os
import re
import shutil
import sys
from dataclasses import dataclass

import click

_COLOURS = {"client": "cyan", "load-balancer": "magenta"}
_APP_COLOUR = "green"
_STAGE_COLOURS = {
    **dict.fromkeys(("sql", "commit", "rollback", "pool"), "yellow"),
    "redis": "blue",
}
_EIGHTHS = " ▏▎▍▌▋▊▉"
_MIN_COLUMNS = 40


@dataclass(frozen=True)
class OutputStyle:
    """How to draw on the output; `width` is in columns, `blocks` means Unicode blocks for bars."""

    width: int = 80
    blocks: bool = True
    colours: bool = False

    @classmethod
    def of(cls, *, ascii_only: bool) -> "OutputStyle":
        """Detect the style of standard output.

        A terminal has colours unless NO_COLOR (no-color.org) is set.
        """
        return cls(
            width=max(shutil.get_terminal_size().columns, _MIN_COLUMNS),
            blocks=not ascii_only and (sys.stdout.encoding or "").lower().startswith("utf"),
            colours=sys.stdout.isatty() and not os.environ.get("NO_COLOR"),
        )

    @property
    def mark(self) -> str:
        """The sign for a part of a text that is left out."""
        return "…" if self.blocks else "..."

    def bar(self, start: float, length: float, columns: int) -> str:
        """Draw a visible bar; `start` and `length` are fractions of `columns`, from 0 to 1."""
        # The bars of the library rich are not used: they are not in ASCII, and the import of rich
        # takes longer than a request.
        before = min(int(start * columns), columns - 1)
        if self.blocks:
            full, eighths = divmod(max(round(length * columns * 8), 1), 8)
            drawn = "█" * full + _EIGHTHS[eighths].strip()
        else:
            drawn = "#" * max(round(length * columns), 1)
        return (" " * before + drawn)[:columns].ljust(columns)

    def tint(self, text: str, process: str, stage: str, *, failed: bool) -> str:
        """Colour the text: red if the stage failed, else by its stage, else by its process."""
        if not self.colours:
            return text
        colour = _STAGE_COLOURS.get(stage) or _COLOURS.get(process, _APP_COLOUR)
        return click.style(text, fg="red" if failed else colour)

    def dim(self, text: str) -> str:
        """Make the text dim."""
        return click.style(text, dim=True) if self.colours else text

    def clean(self, text: str, columns: int, *, kept: re.Pattern[str] | None = None) -> str:
        """Turn an untrusted text into one printable line of at most `columns` characters.

        A text that is too long loses its end. If its end matches `kept`, it loses its middle.
        """
        words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        if not self.blocks:
            words = words.replace("…", "...").encode("ascii", "replace").decode()
        if len(words) <= columns:
            return words
        room = max(columns - len(self.mark), 0)
        match = kept.search(words) if kept else None
        end = match[0][-room:] if match and room else ""
        return words[: room - len(end)] + self.mark + end
