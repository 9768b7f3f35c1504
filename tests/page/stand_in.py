"""Stands for the collector and the service behind it: the page's files, and recorded answers."""

import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.page.recordings import Document, products, signup

CHECKOUT = Path(__file__).resolve().parents[2]
STATIC = CHECKOUT / "lab" / "page" / "static"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PLAN = ["Insert on users  (cost=0.00..0.01 rows=1 width=562)", "  ->  Result  (cost=0.00..0.01)"]
# Stricter than needed in one thing: no text may ever become markup.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
SUMMARY = set(signup(0)) - {"spans", "unnamed_ms"}
SHORT = "A password has at least 15 characters. A few words in a row will do."
TAKEN = "An account with this email already exists. Log in, or use another address."


class StandIn(ThreadingHTTPServer):
    """A server that a test tells what to know, and when to be away."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.traces: dict[str, Document] = {}
        self.streams: list[queue.Queue[Document | None]] = []
        self.away = False

    def tell(self, *traces: Document) -> None:
        """Know of more requests, and tell those who follow."""
        for trace in traces:
            self.traces[trace["trace_id"]] = trace
            for stream in self.streams:
                stream.put(summary(trace))

    def answered(self, trace: Document) -> str:
        """Know of a request that the page itself has sent; its id."""
        self.tell(trace)
        return str(trace["request_id"])

    def forget(self) -> None:
        """Be there, and have seen nothing."""
        self.go()
        self.traces.clear()
        self.away = False

    def go(self) -> None:
        """Be away from now on, as seen through the load balancer."""
        self.away = True
        for stream in self.streams:
            stream.put(None)
        self.streams.clear()


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """Serve until the end of the block."""
    with StandIn() as server:
        # Its default is to look twice a second whether it should end.
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.go()
        server.shutdown()


def summary(trace: Document) -> Document:
    """Return what the list has of it."""
    return {name: trace[name] for name in SUMMARY}


class Answering(BaseHTTPRequestHandler):
    """One connection."""

    server: StandIn
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The page, what the collector tells, and the catalogue."""
        url = urlsplit(self.path)
        path = url.path
        if path == "/lab" or path.startswith("/lab/static/"):
            name = path.removeprefix("/lab").removeprefix("/static/")
            self._file(STATIC / (name or "index.html"))
        elif path == "/api/products":
            trace = products(len(self.server.traces) + 1, cache="miss")
            self._json({"items": []}, request_id=self.server.answered(trace))
        elif self.server.away:
            self._problem(503, "Try again after a second.", code="unavailable")
        elif path == "/lab/api/events":
            self._stream()
        elif path == "/lab/api/traces":
            self._json({"items": [*map(summary, reversed(self.server.traces.values()))]})
        elif path == "/lab/api/source":
            self._source(**{name: values[0] for name, values in parse_qs(url.query).items()})
        else:
            self._trace(*path.removeprefix("/lab/api/traces/").split("/"))

    def do_POST(self) -> None:
        """A signup, with what may be wrong with it."""
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if len(sent["password"]) < 15:
            errors = [{"pointer": "/password", "detail": SHORT}]
            self._problem(422, "Its content breaks a rule.", errors=errors)
        elif "taken" in sent["email"]:
            self._problem(409, TAKEN)
        else:
            trace = signup(len(self.server.traces) + 1)
            self._json({"id": 1, "name": sent["name"]}, 201, self.server.answered(trace))

    def _trace(self, trace_id: str, _spans: str = "", span_id: str = "", _plan: str = "") -> None:
        trace = self.server.traces.get(trace_id)
        if trace is None:
            self._problem(404, "No such trace.")
        elif not span_id:
            self._json(trace)
        elif trace["method"] == "GET":
            self._problem(503, "PostgreSQL does not answer.")
        else:
            self._json({"sql": "", "plan": PLAN})

    def _source(self, file: str, line: str) -> None:
        lines = (CHECKOUT / file).read_text().splitlines()
        first = max(1, int(line) - 6)
        shown = lines[first - 1 : first + 11]
        self._json({"file": file, "first_line": first, "lines": shown, "line": int(line)})

    def _stream(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"retry: 50\n\n")
        stream: queue.Queue[Document | None] = queue.Queue()
        self.server.streams.append(stream)
        while (told := stream.get()) is not None:
            try:
                self.wfile.write(f"event: trace\ndata: {json.dumps(told)}\n\n".encode())
            except OSError:  # The page was closed.
                return

    def _file(self, path: Path) -> None:
        self._send(200, path.read_bytes(), TYPES[path.suffix], cache="max-age=60")

    def _problem(self, status: int, detail: str, **more: object) -> None:
        body = {"title": "Problem", "status": status, "detail": detail, **more}
        self._send(status, json.dumps(body).encode(), "application/problem+json")

    def _json(self, body: object, status: int = 200, request_id: str = "none") -> None:
        self._send(status, json.dumps(body).encode(), "application/json", request_id)

    def _send(
        self,
        status: int,
        body: bytes,
        media_type: str,
        request_id: str = "none",
        *,
        cache: str = "no-store",
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", cache)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Request-ID", request_id)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
