"""A proxy between the service and PostgreSQL or Redis that can lose or delay a message."""

import select
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal
from urllib.parse import urlsplit

from lab.stack.config.ports import with_port

Cut = Literal["command", "reply", "session"]

# The replies of PostgreSQL to statements that have changed rows begin with these tags.
_WRITTEN = (b"INSERT 0 ", b"UPDATE ", b"DELETE ")
_READY_FOR_QUERY_BYTES = 6
_FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0"
_END_OF_SESSION = b"E" + (len(_FIELDS) + 4).to_bytes(4, "big") + _FIELDS
"""The message ErrorResponse of PostgreSQL's protocol."""


class Delay:
    """Delays the reply to the next command that contains `marker`, until `released` is set.

    If `loses_reply` is true, the proxy then closes the connection without sending the reply.
    """

    def __init__(self, marker: bytes, *, loses_reply: bool = False) -> None:
        self.marker = marker
        self.loses_reply = loses_reply
        self.answered = threading.Event()
        self.released = threading.Event()


class PostgresProxy:
    """Forwards bytes. If `cut` is set, closes the connection at the next commit of a change.

    If `cut` is "command", PostgreSQL never gets the COMMIT. If `cut` is "reply", PostgreSQL
    commits, but the service never gets the reply. If `cut` is "session", the service gets the
    result of the COMMIT, and directly after it the end of the session. A `delay` delays only one
    connection.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.cut: Cut | None = None
        self.delay: Delay | None = None

    def forward(self, client: socket.socket) -> None:
        """Connect a client to the server, and forward until one of them closes its connection."""
        with socket.create_connection(self.target) as server:
            written = False
            while True:
                for source in select.select([client, server], [], [])[0]:
                    data = source.recv(65536)
                    if source is server:
                        written |= any(tag in data for tag in _WRITTEN)
                    elif b"COMMIT\0" in data:
                        if written and self._cut_at(data, client, server):
                            return
                        written = False
                    if not data:
                        return
                    (server if source is client else client).sendall(data)
                    if source is client and self._lost_reply(data, server):
                        return

    def _lost_reply(self, command: bytes, server: socket.socket) -> bool:
        delay = self.delay
        if delay is None or delay.marker not in command:
            return False
        self.delay = None
        select.select([server], [], [])
        delay.answered.set()
        delay.released.wait()
        return delay.loses_reply

    def _cut_at(self, commit: bytes, client: socket.socket, server: socket.socket) -> bool:
        cut, self.cut = self.cut, None
        if cut in {"reply", "session"}:
            server.sendall(commit)
            reply = server.recv(65536)
            assert b"COMMIT\0" in reply
            if cut == "session":
                client.sendall(reply[:-_READY_FOR_QUERY_BYTES] + _END_OF_SESSION)
        return cut is not None


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def proxy_to(database_url: str) -> Iterator[tuple[PostgresProxy, str]]:
    """Run a proxy to a database. Yield the proxy and the database URL through it."""
    parts = urlsplit(database_url)
    proxy = PostgresProxy((parts.hostname or "127.0.0.1", parts.port or 5432))

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            # If either side resets the connection, forwarding ends as after a normal close.
            with suppress(ConnectionError):
                proxy.forward(self.request)

    with _Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield proxy, with_port(database_url, server.server_address[1])
        finally:
            server.shutdown()
