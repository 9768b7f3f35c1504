"""Sends what the lab's page shows: requests to the service, and spans to the collector."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import httpx2

from lab.stack.config.paths import Paths
from lab.trace.client.items import Items
from lab.trace.client.sending import Exchange, RequestSpec, send
from lab.trace.client.spans import to_otlp
from lab.trace.client.target import RunningStack, parse_target
from lab.trace.collector_client import Collector, Document
from tests.accounts import Account, new_admin, new_email
from tests.e2e.local_stack import LocalStack
from tests.e2e.signups import signup_items
from tests.integration.shop import new_product
from tests.otlp import PROTOBUF

CATALOGUE = "/api/products"
WITH_WORKER = 4
"""The processes of a signup: the client, the load balancer, an app process, and the worker."""


class Client:
    """Sends requests as `lab trace` does, without a new Python process for each request."""

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._running_stack = RunningStack.find(Paths(stack.directory))
        collector = Collector.find(None, self._running_stack, {})
        assert collector is not None
        self._collector = collector

    def send(self, method: str, path: str, *items: str) -> Exchange:
        """Send a request, but do not send the client's spans to the collector."""
        parsed = Items.parse(items)
        target = parse_target(path, parsed.query, stack=self._running_stack)
        spec = RequestSpec.of(method, target, parsed)
        return next(iter(send(spec, times=1, timeout_s=30)))

    def report(self, exchange: Exchange) -> str:
        """Send the client's spans to the collector, and return the trace id."""
        assert self._collector.send_spans(to_otlp(exchange.context, exchange.spans))
        return exchange.context.trace_id

    def trace(self, method: str, path: str, *items: str) -> str:
        """Send a request and the client's spans, and return the trace id.

        The spans of the load balancer and the service reach the collector a moment later.
        """
        return self.report(self.send(method, path, *items))

    def sign_up(self, email: str | None = None) -> str:
        """Send a signup and the client's spans, and return the trace id."""
        return self.trace("POST", "/api/users", *signup_items(email=email or new_email()))

    def document(self, trace_id: str, *, processes: int = 3) -> Document:
        """Wait until this number of processes have sent all their spans, and return the trace.

        These are the client, the load balancer, an app process, and the worker if there is a job.
        """
        trace = self._collector.wait_for_trace(
            trace_id, lambda trace: len(trace["processes"]) >= processes and _is_complete(trace)
        )
        assert trace is not None
        return trace

    def send_spans(self, spans: bytes) -> None:
        """Send spans with any content to the collector, in OTLP."""
        with httpx2.Client(base_url=f"http://localhost:{self._stack.http_port}") as client:
            response = client.post("/lab/v1/traces", content=spans, headers=PROTOBUF)
        assert response.status_code == 200


def _is_complete(trace: Document) -> bool:
    # A process sends its spans in the order in which they end, so a parent follows its children.
    ids = {span["id"] for span in trace["spans"]}
    return all(span["parent_id"] is None or span["parent_id"] in ids for span in trace["spans"])


@dataclass(frozen=True)
class Shop:
    """The catalogue, and an administrator, who may change it."""

    http: httpx2.Client
    admin: Account

    @classmethod
    @contextmanager
    def open(cls, stack: LocalStack) -> Iterator[Self]:
        """Create an administrator; the connection closes at the end of the block."""
        with httpx2.Client(base_url=f"http://localhost:{stack.http_port}", timeout=20) as http:
            yield cls(http, new_admin(http, stack.parts.libpq_url))

    def restock(self) -> None:
        """Add a product, which invalidates the cached catalogue."""
        new_product(self.http, self.admin)

    def miss_and_hit(self, client: Client) -> tuple[str, str]:
        """Read the catalogue twice, first with a miss, then with a hit; return the trace ids."""
        self.restock()
        reads = [client.send("GET", CATALOGUE) for _ in range(2)]
        assert [read.response.header("X-Cache") for read in reads] == ["miss", "hit"]
        miss, hit = map(client.report, reads)
        return miss, hit
