"""Shows the tour on a terminal: texts, commands and source code."""

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

# This theme uses the terminal's own colours, which fit the terminal's background.
_THEME = "ansi_dark"
_MAX_COLUMNS = 100
# By default, rich gives inline code a black background, even on a white terminal.
_STYLES = Theme({"markdown.code": "bold cyan"})

LEAVE: Final = "q"
SKIP: Final = "s"


class Screen:
    """Shows the steps of a chapter, and asks the user whether to continue."""

    def __init__(self, *, asks: bool, last_chapter: int) -> None:
        """Without `asks`, the answer to every question is yes."""
        self._console = Console(highlight=False, theme=_STYLES)
        self._asks = asks
        self._last_chapter = last_chapter

    def title(self, chapter: Chapter) -> None:
        """Show the title of a chapter, and about how long it takes."""
        self._console.print()
        self._console.print(
            Rule(f"[bold]{chapter.number}. {chapter.title}[/bold]", align="left", style="dim")
        )
        self._console.print(
            f"[dim]Chapter {chapter.number} of {self._last_chapter}, "
            f"about {chapter.minutes} minutes[/]"
        )

    def label(self, text: str) -> None:
        """Show what the next command is for, or how far the user is."""
        self._console.print(f"\n[dim]{text}[/]")

    def prose(self, step: Prose) -> None:
        """Show a text with a width of at most 100 columns."""
        width = min(self._console.width, _MAX_COLUMNS)
        self._console.print()
        self._console.print(Markdown(step.text, code_theme=_THEME), width=width)

    def command(self, text: str) -> None:
        """Show a command before it runs."""
        first, *rest = text.rstrip("\n").splitlines()
        for prompt, line in zip(["$ ", *["  "] * len(rest)], [first, *rest], strict=True):
            self._console.print(f"[bold green]{prompt}[/]", end="")
            self._console.print(line, style="bold", markup=False, soft_wrap=True)

    def shown(self, step: Shown) -> None:
        """Show a block that is not the output of a command."""
        self._console.print()
        self._console.print(Padding(Syntax(step.text.rstrip(), step.kind, theme=_THEME), (0, 2)))

    def excerpt(self, step: Excerpt) -> None:
        """Show source code with its line numbers, or without them if the file has changed."""
        line = step.line()
        place = f"{step.path}:{line}" if line else f"{step.path} (the file has changed)"
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
        """Show the exit status of a command that failed."""
        self._console.print(f"[yellow](exit status {code})[/]")

    def ask_to_run(self) -> str:
        """Ask whether to run the command. Return "" for yes, `SKIP` or `LEAVE`."""
        return self._ask("Enter runs it, s skips it, q leaves:", {"", SKIP, LEAVE})

    def ask_for_next(self, chapter: Chapter) -> str:
        """Ask whether to continue with `chapter`. Return "" for yes, or `LEAVE`."""
        name = f"{chapter.number}. {chapter.title}"
        return self._ask(f"\nNext: {name}. Enter continues, q leaves:", {"", LEAVE})

    def wait(self, seconds: float) -> None:
        """If `seconds` is more than 0, show the reason and wait."""
        if seconds > 0:
            self._console.print(
                f"[dim]Waiting {seconds:.0f} s until the rate limits start a new window. They "
                "also count your requests.[/]"
            )
            time.sleep(seconds)

    def _ask(self, question: str, answers: set[str]) -> str:
        """Ask until the user types one of `answers`. At the end of the input, return `LEAVE`."""
        while self._asks:
            # Discard keys that the user pressed while a command ran.
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
            try:
                answer = self._console.input(f"[dim]{question}[/] ").strip().lower()
            except EOFError:
                return LEAVE
            if answer in answers:
                return answer
        return ""
