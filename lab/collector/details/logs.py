"""Finds the log lines of one trace in the log of the service's processes."""

import os
import re
from pathlib import Path
from typing import Final

from lab.collector.ingest.redaction import redacted_line

# Only this part of the log is read, at its end. The lines of the last requests are there.
MAX_READ_BYTES: Final = 4 * 1024 * 1024
MAX_LINES: Final = 100
MAX_LINE_CHARACTERS: Final = 16_384

# A log entry begins with the time, or is one JSON object. A line that begins otherwise belongs to
# the entry before it, as the lines of a traceback do.
_BEGINNING = re.compile(rb"^(?=\d\d:\d\d:\d\d |\{)", re.MULTILINE)
_TRACEBACK: Final = b"Traceback (most recent call last)"


def lines_of(trace_id: str, log: Path) -> list[str]:
    """Return the last log lines of a trace, redacted and truncated, the oldest first.

    Only the end of the log is searched, up to `MAX_READ_BYTES`. A line includes its traceback.
    """
    wanted = trace_id.encode()
    found = [it for it in _pieces_at_the_end(log) if wanted in it]
    return [_shown(it) for it in found[-MAX_LINES:]]


def _pieces_at_the_end(log: Path) -> list[bytes]:
    try:
        with log.open("rb") as file:
            start = max(0, file.seek(0, os.SEEK_END) - MAX_READ_BYTES)
            file.seek(start)
            pieces = _BEGINNING.split(file.read(MAX_READ_BYTES))
    except FileNotFoundError:
        return []
    # The first piece is left out, because it can begin in the middle of a line or of a secret.
    return pieces[1:] if start else pieces


def _shown(line: bytes) -> str:
    # An entry without a traceback has only one line. If other lines follow, they are lines of the
    # supervisor, which writes to the same log without a time.
    whole = line if _TRACEBACK in line else line.partition(b"\n")[0]
    return redacted_line(whole.decode(errors="replace")[:MAX_LINE_CHARACTERS].rstrip())
