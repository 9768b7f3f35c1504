"""The result of a check: one line for the user."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

# The errors that a check may raise on a broken machine, such as by a binary file instead of text.
UNREADABLE = (OSError, ValueError, LookupError)


@dataclass(frozen=True)
class Finding:
    """`ok`, a `problem` with its fix, or a `note` on something correct but perhaps unexpected."""

    verdict: str
    text: str

    def __str__(self) -> str:
        """Return the line to print."""
        return f"{self.verdict:<9}{self.text}"


Check = Callable[[], Iterable[Finding]]


def ok(text: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding("ok", text)


def note(text: str) -> Finding:
    """Return a finding that is not a problem, but may be unexpected."""
    return Finding("note", text)


def problem(text: str, remedy: str = "") -> Finding:
    """Return a problem. Unless the text contains a command, `remedy` should be one."""
    return Finding("problem", " ".join(map(str.strip, [*text.splitlines(), remedy])).strip())
