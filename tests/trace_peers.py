"""Whom `lab trace` speaks to in its tests: a server that says what it is told, and a collector."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
    """Return a response with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Peer:
    """What it was sent, connection by connection."""

    port: int
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0


@contextmanager
def peer(*answers: bytes, greeting: bytes = b"", close: bool = False) -> Iterator[Peer]:
    """Give these answers one after another, on as many connections as somebody makes.

    The `greeting` comes first, unasked. With `close` a connection ends after each answer; when
    there are no more of them it just listens.
    """
    left = list(answers)
    with socket.create_server(("127.0.0.1", 0)) as server:
        told = Peer(server.getsockname()[1])

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                told.connections += 1
                # A client that does not like what it gets may just go.
                with connection, suppress(ConnectionError):
                    connection.sendall(greeting)
                    while request := _request(connection):
                        told.requests.append(request)
                        if left:
                            connection.sendall(left.pop(0))
                        if close:
                            break

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield told
        finally:
            # Closing a socket does not wake whoever waits on it; shutting it down does.
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


@dataclass
class Receiver:
    """An OTLP/HTTP receiver that also answers what it has been told about a trace."""

    url: str
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)
    # Given for a trace, one after another, the last one again and again; None is a 404 problem.
    documents: list[dict[str, Any] | None] = field(default_factory=list)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Run one."""
    told = Receiver("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            for one in ExportTraceServiceRequest.FromString(body).resource_spans:
                told.services |= {a.value.string_value for a in one.resource.attributes}
                told.spans.extend(span for scope in one.scope_spans for span in scope.spans)
            self._answer(200, "application/x-protobuf", b"")

        def do_GET(self) -> None:
            documents = told.documents
            found = documents.pop(0) if len(documents) > 1 else documents[0] if documents else None
            if found is None:
                self._answer(404, "application/problem+json", b"{}")
            else:
                found = {**found, "trace_id": self.path.rpartition("/")[2]}
                self._answer(200, "application/json", json.dumps(found).encode())

        def _answer(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.02))
        thread.start()
        try:
            yield told
        finally:
            server.shutdown()
            thread.join()


def joined_document(*processes: str) -> dict[str, Any]:
    """Return what a collector might say of a trace in which these have taken part."""
    spans = [span("request", "client", 0, 100.0, 0), span("wait", "client", 10, 80.0, 1)]
    spans += [span("app", name, 20, 60.0, 2) for name in processes if name != "client"]
    return {
        "trace_id": "", "started_at": "2026-11-22T20:00:00.000000Z", "duration_ms": 100.0,
        "method": "GET", "path": "/", "route": "/", "status": 200, "processes": list(processes),
        "stages": len(spans), "cache": None, "request_id": None, "unnamed_ms": 3.0, "spans": spans,
    }  # fmt: skip


def span(
    stage: str, process: str, start_ms: float | None, duration_ms: float, depth: int, **more: Any
) -> dict[str, Any]:
    """Return a span of a document."""
    return {
        "id": f"{stage}-{start_ms}", "parent_id": None, "process": process, "stage": stage,
        "name": stage, "start_ms": start_ms, "duration_ms": duration_ms, "depth": depth,
        "error": False, "attributes": {}, "code": None, **more,
    }  # fmt: skip
