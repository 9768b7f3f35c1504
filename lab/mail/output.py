"""Prints messages on a terminal. A message is untrusted: it must not control the terminal."""

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from lab.mail.message import Document

_ID_COLUMNS: Final = 5
_TO_COLUMNS: Final = 32
_MIN_SUBJECT_COLUMNS: Final = 20
_NO_SUBJECT: Final = "(no subject)"


@dataclass(frozen=True)
class Output:
    """`width` is in columns; with `links`, a link in a text can be clicked."""

    width: int = 100
    links: bool = False

    @classmethod
    def of(cls) -> Self:
        """Detect the width. Only a terminal gets escape sequences."""
        return cls(width=shutil.get_terminal_size((100, 24)).columns, links=sys.stdout.isatty())

    def table(self, messages: Sequence[Document]) -> Iterator[str]:
        """Yield the line of column titles, and a line for each message."""
        yield f"{'id':>{_ID_COLUMNS}}  {'received':<19}  {'to':<{_TO_COLUMNS}}  subject"
        for message in messages:
            to = _cut(_line(", ".join(message["to"])), _TO_COLUMNS)
            begin = f"{message['id']:>{_ID_COLUMNS}}  {_local(message['received_at'])}  {to}  "
            subject_columns = max(self.width - len(begin), _MIN_SUBJECT_COLUMNS)
            subject = _line(message["subject"]) or _NO_SUBJECT
            yield begin + _cut(subject, subject_columns).rstrip()

    def whole(self, message: Document) -> Iterator[str]:
        """Yield the lines of one message: the most important header fields, and the text."""
        yield f"From:     {_line(message['from'])}"
        yield f"To:       {_line(', '.join(message['to']))}"
        yield f"Subject:  {_line(message['subject']) or _NO_SUBJECT}"
        yield f"Received: {_local(message['received_at'])}"
        yield ""
        text, links = message["text"], message["links"]
        for line in text.splitlines():
            yield self._linked(_printable(line), links)
        for link in links:
            if link not in text:
                yield self._linked(link, links)

    def _linked(self, line: str, links: Sequence[str]) -> str:
        if not self.links or not links:
            return line
        # If one link is the beginning of another link, the pattern must match the longer link.
        longest_first = sorted(links, key=len, reverse=True)
        pattern = "|".join(map(re.escape, longest_first))
        # The escape sequence OSC 8, which terminals show as a link.
        return re.sub(pattern, r"\033]8;;\g<0>\033\\\g<0>\033]8;;\033\\", line)


def _printable(line: str) -> str:
    return "".join(c if c.isprintable() else " " if c == "\t" else "\N{REPLACEMENT CHARACTER}"
                   for c in line)  # fmt: skip


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _cut(text: str, columns: int) -> str:
    return text.ljust(columns) if len(text) <= columns else f"{text[: columns - 1]}…"


def _local(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"
