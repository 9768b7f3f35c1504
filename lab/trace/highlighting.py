"""Colours for a terminal, in the terminal's own palette, which fits its background."""

from rich.console import Console
from rich.syntax import Syntax


def highlighted(text: str, language: str) -> str:
    """Return the text with the escape sequences of its colours. No line is wrapped or cut."""
    console = Console(force_terminal=True)
    coloured = Syntax(text, language, theme="ansi_dark").highlight(text)
    coloured.rstrip()
    with console.capture() as captured:
        console.print(coloured, soft_wrap=True, end="")
    return captured.get()
