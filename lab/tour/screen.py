"""The tour on a terminal: words, commands, lines of the source."""

import sys
import termios
import time
from typing import Final

from rich.console import Console
from rich.markdown import Markdown
from rich.padding import Padding
from rich.rule import Rule
from rich.syntax import Syntax
from rich.theme import Theme

from lab.tour.chapters import Chapter, Excerpt, Prose, Shown

# The terminal's own colours, which suit its background.
_THEME = "ansi_dark"
_WIDEST = 100
# rich gives words of code a black background, also on a white terminal.
_STYLES = Theme({"markdown.code": "bold cyan"})

LEAVE: Final = "q"
SKIP: Final = "s"


class Screen:
    """Writes the steps of a chapter, and asks to go on."""

    def __init__(self, *, asks: bool) -> None:
        """Where it does not ask, everything is a yes."""
        self._console = Console(highlight=False, theme=_STYLES)
        self._asks = asks

    def title(self, chapter: Chapter) -> None:
        """Begin a chapter."""
        self._console.print()
        self._console.print(
            Rule(f"[bold]{chapter.number}. {chapter.title}[/bold]", align="left", style="dim")
        )

    def prose(self, step: Prose) -> None:
        """Write words, no wider than they can be read."""
        width = min(self._console.width, _WIDEST)
        self._console.print()
        self._console.print(Markdown(step.text, code_theme=_THEME), width=width)

    def command(self, text: str) -> None:
        """Write what is about to run."""
        self._console.print()
        first, *rest = text.rstrip("\n").splitlines()
        for prompt, line in zip(["$ ", *["  "] * len(rest)], [first, *rest], strict=True):
            self._console.print(f"[bold green]{prompt}[/]", end="")
            self._console.print(line, style="bold", markup=False, soft_wrap=True)

    def shown(self, step: Shown) -> None:
        """Write a block that no command has printed."""
        self._console.print()
        self._console.print(Padding(Syntax(step.text.rstrip(), step.kind, theme=_THEME), (0, 2)))

    def excerpt(self, step: Excerpt) -> None:
        """Write lines of the source, numbered as they are in the file now."""
        line = step.line()
        place = f"{step.path}:{line}" if line else f"{step.path} (it has changed since)"
        self._console.print(f"\n[bold cyan]{place}[/]")
        self._console.print(
            Syntax(
                step.text,
                step.kind,
                theme=_THEME,
                line_numbers=line is not None,
                start_line=line or 1,
                word_wrap=True,
            )
        )

    def status(self, code: int) -> None:
        """Say how a command ended, if not well."""
        self._console.print(f"[yellow](exit status {code})[/]")

    def ask_to_run(self) -> str:
        """Ask whether the command shall run: "" for yes, `SKIP` or `LEAVE`."""
        return self._ask("Enter runs it, s skips it, q leaves:", {"", SKIP, LEAVE})

    def ask_for_next(self, chapter: Chapter) -> str:
        """Ask whether to go on with that chapter: "" for yes, or `LEAVE`."""
        name = f"{chapter.number}. {chapter.title}"
        return self._ask(f"\nNext: {name}. Enter goes on, q leaves:", {"", LEAVE})

    def wait(self, seconds: float) -> None:
        """Wait so long, if at all, and say why."""
        if seconds > 0:
            self._console.print(
                f"[dim]In {seconds:.0f} s, when the rate limits count from nothing again: they "
                "count you, too.[/]"
            )
            time.sleep(seconds)

    def _ask(self, question: str, answers: set[str]) -> str:
        """Ask until it is one of the answers; nothing can be typed any more: leave."""
        while self._asks:
            # An Enter too many, while a command ran, is no answer to what comes next.
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
            try:
                answer = self._console.input(f"[dim]{question}[/] ").strip().lower()
            except EOFError:
                return LEAVE
            if answer in answers:
                return answer
        return ""
