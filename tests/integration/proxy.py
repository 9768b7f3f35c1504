"""A wire between the service and PostgreSQL that the tests can cut at the worst moment."""

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit, urlunsplit

Cut = Literal["command", "reply"]


# How PostgreSQL acknowledges a statement that has changed rows.
_WRITTEN = (b"INSERT 0 ", b"UPDATE ", b"DELETE ")


class Delay:
    """Holds back the reply to the next statement with these words, until it is `over`."""

    def __init__(self, words: bytes) -> None:
        self.words = words
        self.answered = threading.Event()
        self.over = threading.Event()


class Wire:
    """Passes bytes on; once told to `cut`, it loses the next commit of something written.

    With "command" PostgreSQL never gets the COMMIT; with "reply" it does and obeys, and the
    service never hears of it. Either way the connection is gone afterwards. A `delay` holds
    up one connection; the others go on.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.cut: Cut | None = None
        self.delay: Delay | None = None

    def carry(self, client: socket.socket) -> None:
        """Join a connection of the service to one with the server, until one of them ends."""
        with socket.create_connection(self.target) as server:
            written = False
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if source is server:
                        written |= any(tag in data for tag in _WRITTEN)
                    elif b"COMMIT\0" in data:
                        if written and self._cut_at(data, server):
                            return
                        written = False
                    if not data:
                        return
                    (server if source is client else client).sendall(data)
                    if source is client and self.delay and self.delay.words in data:
                        self._hold_up(server)

    def _hold_up(self, server: socket.socket) -> None:
        delay, self.delay = self.delay, None
        if delay is not None:
            select.select([server], [], [])
            delay.answered.set()
            delay.over.wait()

    def _cut_at(self, commit: bytes, server: socket.socket) -> bool:
        cut, self.cut = self.cut, None
        if cut == "reply":
            server.sendall(commit)
            assert b"COMMIT\0" in server.recv(65536)
        return cut is not None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def wire_to(database_url: str) -> Iterator[tuple[Wire, str]]:
    """Lay a wire to a database, and say under which URL to connect through it."""
    parts = urlsplit(database_url)
    wire = Wire((parts.hostname or "127.0.0.1", parts.port or 5432))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            # Whoever goes away without a word ends the connection as well.
            with suppress(ConnectionError):
                wire.carry(self.request)

    with _Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        here = f"{parts.username}:{parts.password}@127.0.0.1:{server.server_address[1]}"
        try:
            yield wire, urlunsplit(parts._replace(netloc=here))
        finally:
            server.shutdown()
