"""What a check has found: one line for a person."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

# Whatever a look at a broken machine may raise, down to a file of bytes where text was expected.
UNREADABLE = (OSError, ValueError, LookupError)


@dataclass(frozen=True)
class Finding:
    """`ok`, a `problem` with what mends it, or a `note` on what is not wrong but surprises."""

    verdict: str
    text: str

    def __str__(self) -> str:
        """Return its line."""
        return f"{self.verdict:<9}{self.text}"


Check = Callable[[], Iterable[Finding]]


def ok(text: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", text)


def note(text: str) -> Finding:
    """Nothing is wrong, but somebody may wonder."""
    return Finding("note", text)


def problem(text: str, remedy: str = "") -> Finding:
    """Something is wrong; the remedy is best a command, if the text has none in it."""
    return Finding("problem", " ".join(map(str.strip, [*text.splitlines(), remedy])).strip())
