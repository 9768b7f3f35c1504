"""What the page is to show: requests that are really sent, and spans as a stranger sends them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

import httpx2

from lab.stack.paths import Paths
from lab.stack.postgres import PostgresServer
from lab.trace.collector import Collector, Document
from lab.trace.items import Items
from lab.trace.sending import Exchange, RequestSpec, send
from lab.trace.spans import to_otlp
from lab.trace.target import RunningStack, parse_target
from tests.accounts import Account, new_admin, new_email
from tests.e2e.local_stack import LocalStack
from tests.integration.shop import new_product
from tests.otlp import PROTOBUF

CATALOGUE = "/api/products"


class Client:
    """Sends requests as `lab trace` does, without a Python of its own for each."""

    def __init__(self, stack: LocalStack) -> None:
        """Find the stack's addresses."""
        self._stack = stack
        self._running_stack = RunningStack.find(Paths(stack.directory))
        found = Collector.find(None, self._running_stack, {})
        assert found is not None
        self._collector = found

    def send(self, method: str, path: str, *items: str) -> Exchange:
        """Send it, and tell nobody what the client has seen of it."""
        parsed = Items.parse(items)
        target = parse_target(path, parsed.query, stack=self._running_stack)
        spec = RequestSpec.of(method, target, parsed)
        return next(iter(send(spec, times=1, timeout_s=30)))

    def tell(self, exchange: Exchange) -> str:
        """Tell the collector what the client has seen; the trace's id."""
        assert self._collector.send_spans(to_otlp(exchange.context, exchange.spans))
        return exchange.context.trace_id

    def trace(self, method: str, path: str, *items: str) -> str:
        """Send it and tell; the trace's id. What the servers tell comes a moment later."""
        return self.tell(self.send(method, path, *items))

    def sign_up(self, email: str | None = None) -> str:
        """Sign Ahmed up, and tell; the trace's id."""
        items = ("name=Ahmed", f"email={email or new_email()}", "password=correct horse battery")
        return self.trace("POST", "/api/users", *items)

    def document(self, trace_id: str) -> Document:
        """Wait until everybody has told; what the collector then knows."""
        found = self._collector.wait_for_trace(trace_id, lambda trace: len(trace["processes"]) == 3)
        assert found is not None
        return found

    def bring(self, spans: bytes) -> None:
        """Bring the collector any spans, as OTLP has them."""
        with httpx2.Client(base_url=f"http://localhost:{self._stack.http_port}") as client:
            answer = client.post("/lab/v1/traces", content=spans, headers=PROTOBUF)
        assert answer.status_code == 200


@dataclass(frozen=True)
class Shop:
    """A catalogue, and somebody who may change it."""

    http: httpx2.Client
    admin: Account

    @classmethod
    @contextmanager
    def open(cls, stack: LocalStack) -> Iterator[Self]:
        """Have an administrator until the end of the block."""
        database_url = PostgresServer(stack.directory / "postgres").url
        with httpx2.Client(base_url=f"http://localhost:{stack.http_port}", timeout=20) as http:
            yield cls(http, new_admin(http, database_url))

    def restock(self) -> None:
        """Add a product: what was kept of the catalogue is no longer true."""
        new_product(self.http, self.admin)

    def miss_and_hit(self, client: Client) -> tuple[str, str]:
        """Look at the catalogue twice, and only the first look reaches the database; their ids."""
        self.restock()
        looks = [client.send("GET", CATALOGUE) for _ in range(2)]
        assert [look.response.header("X-Cache") for look in looks] == ["miss", "hit"]
        miss, hit = map(client.tell, looks)
        return miss, hit
