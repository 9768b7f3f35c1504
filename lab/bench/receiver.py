"""An OTLP/HTTP endpoint for the traced processes. It accepts spans and discards them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lab.stack.config.ports import LOOPBACK


class ExportHandler(BaseHTTPRequestHandler):
    """Answers each export with 200."""

    # With HTTP/1.1, an exporter keeps one connection for all exports, as with a real collector.
    protocol_version = "HTTP/1.1"

    def receive(self, body: bytes) -> None:
        """Handle an ExportTraceServiceRequest. This method discards it."""

    def do_POST(self) -> None:
        """Receive an export."""
        self.receive(self.rfile.read(int(self.headers["Content-Length"])))
        self.respond(200, "application/x-protobuf", b"")

    def respond(self, status: int, media_type: str, body: bytes) -> None:
        """Send a response."""
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@contextmanager
def receiver(handler: type[ExportHandler] = ExportHandler) -> Iterator[str]:
    """Accept spans during the block. Yield the endpoint's URL."""
    with ThreadingHTTPServer((LOOPBACK, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
