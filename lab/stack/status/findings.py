"""The result of a check: one line for the user. Needs only the standard library."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

# The errors that a check may raise on a broken machine, for example if a text file is binary.
UNREADABLE = (OSError, ValueError, LookupError)


@dataclass(frozen=True)
class Finding:
    """`ok`, a `problem` with its fix, or a `note` on a state that may be unexpected."""

    verdict: str
    text: str

    def __str__(self) -> str:
        """Return the line to print."""
        return f"{self.verdict:<9}{self.text}"

    @classmethod
    def parse(cls, line: str) -> "Finding":
        """Read a printed line."""
        verdict, text = line.split(maxsplit=1)
        return cls(verdict, text)


Check = Callable[[], Iterable[Finding]]


def ok(text: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding("ok", text)


def note(text: str) -> Finding:
    """Return a finding that is not a problem, but may be unexpected."""
    return Finding("note", text)


def problem(text: str, remedy: str = "") -> Finding:
    """Return a problem. If the text contains no command, `remedy` says what to do."""
    return Finding("problem", " ".join(map(str.strip, [*text.splitlines(), remedy])).strip())
