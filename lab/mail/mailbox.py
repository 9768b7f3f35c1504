"""Keeps the newest messages as files, so that they survive a restart of the collector."""

import os
from pathlib import Path
from threading import Lock
from typing import Final, NamedTuple

from lab.mail.envelope import Envelope

MAX_MESSAGES: Final = 200
MAX_MESSAGE_BYTES: Final = 1024 * 1024


class Kept(NamedTuple):
    """A file with a message. Ids increase with each message."""

    message_id: int
    path: Path
    received_ns: int
    """When the message was received, in nanoseconds since the epoch."""
    size_bytes: int


class Mailbox:
    """One directory with one file for each message, `<id>.eml`. Any thread may call any method."""

    def __init__(self, directory: Path, max_messages: int = MAX_MESSAGES) -> None:
        self._directory = directory
        self._max_messages = max_messages
        self._lock = Lock()
        self._last_id = 0

    def add(self, envelope: Envelope, content: bytes) -> Kept:
        """Keep a message. When this returns, the message is on the disk and survives a power cut.

        :raises OSError: when the message cannot be written.
        """
        data = envelope.header() + content
        with self._lock:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            kept = self.newest()
            message_id = max([self._last_id, *(it.message_id for it in kept)]) + 1
            path = self._directory / f"{message_id}.eml"
            self._last_id = message_id
            _write(path, data)
            for old in kept[self._max_messages - 1 :]:
                old.path.unlink(missing_ok=True)
            # While this thread has the lock, no other thread can delete this message.
            return Kept(message_id, path, path.stat().st_mtime_ns, len(data))

    def newest(self) -> list[Kept]:
        """Return the kept messages, the newest first."""
        found = []
        for path in self._directory.glob("*.eml"):
            if path.stem.isascii() and path.stem.isdigit():
                try:
                    status = path.stat()
                except FileNotFoundError:
                    # Another thread has just deleted the oldest message.
                    continue
                found.append(Kept(int(path.stem), path, status.st_mtime_ns, status.st_size))
        return sorted(found, reverse=True)


def _write(path: Path, data: bytes) -> None:
    # A reader sees the whole file or no file. If the process is killed, the draft remains, and the
    # next message replaces it.
    draft = path.with_name("draft")
    draft.unlink(missing_ok=True)
    # Only the owner can read the file, because links in messages are secrets.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
