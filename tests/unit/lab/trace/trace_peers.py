"""A server with prepared responses, and trace documents, for the tests of `lab trace`."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """Return a response with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Peer:
    """The port, the requests and the number of connections of the server that `peer` runs."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def peer(*answers: bytes, greeting: bytes = b"", close: bool = False) -> Iterator[Peer]:
    """Run a server that sends these answers one after another, on any number of connections.

    On each connection, the server sends `greeting` before it reads a request. With `close`, it
    closes the connection after each answer. After the last answer, it only reads requests.
    """
    left = list(answers)
    with socket.create_server(("127.0.0.1", 0)) as server:
        received = Peer(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                received.connections += 1
                # The client may close the connection at any time.
                with connection, suppress(ConnectionError):
                    connection.sendall(greeting)
                    while request := _request(connection):
                        received.requests.append(request)
                        if left:
                            connection.sendall(left.pop(0))
                        if close:
                            break

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield received
        finally:
            # A close would not wake the thread that waits in `accept`. A shutdown wakes it.
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
    while len(body) < int(length or 0):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def joined_document(*processes: str) -> dict[str, Any]:
    """Return a collector's document of a trace with spans of these processes."""
    spans = [span("request", "client", 0, 100.0, 0), span("wait", "client", 10, 80.0, 1)]
    spans += [span("app", name, 20, 60.0, 2) for name in processes if name != "client"]
    return {
        "trace_id": "", "started_at": "2026-11-22T20:00:00.000000Z", "duration_ms": 100.0,
        "method": "GET", "path": "/", "route": "/", "status": 200, "processes": list(processes),
        "stages": len(spans), "cache": None, "request_id": None, "untraced_ms": 3.0, "spans": spans,
    }  # fmt: skip


def span(
    stage: str, process: str, start_ms: float | None, duration_ms: float, depth: int, **more: Any
) -> dict[str, Any]:
    """Return one span of a collector's document."""
    return {
        "id": f"{stage}-{start_ms}", "parent_id": None, "process": process, "stage": stage,
        "name": stage, "start_ms": start_ms, "duration_ms": duration_ms, "depth": depth,
        "error": False, "attributes": {}, "code": None, **more,
    }  # fmt: skip
