"""The trace collector under 200 requests a second: its memory and its delay stay limited."""

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from secrets import token_hex

import httpx2
import psutil
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from lab.collector.traces.store import MAX_TRACES
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.collector import CollectorServer
from tests.otlp import PROTOBUF, request, span

TRACES_PER_SECOND = 200
# The export interval of the local stack.
EXPORT_INTERVAL_SECONDS = 0.2
SPANS_OF_THE_APP = 18
DURATION_SECONDS = 20
MIB = 1024 * 1024

SQL_ATTRIBUTES = {
    "roundtrip.stage": "sql",
    "db.system.name": "postgresql",
    "db.operation.name": "SELECT",
    "db.collection.name": "users",
    "db.query.text": "SELECT users.id, users.name, users.email, users.role FROM users WHERE "
    "users.id = %(id)s::BIGINT ORDER BY users.id LIMIT %(limit)s::INTEGER",
    "code.function.name": "app.repositories.users.Users.get",
    "code.file.path": "app/repositories/users.py",
    "code.line.number": 41,
}
SERVER_ATTRIBUTES = {
    "http.request.method": "GET",
    "url.path": "/api/users/1",
    "url.scheme": "http",
    "server.address": "localhost",
    "client.address": "127.0.0.1",
    "user_agent.original": "curl/8.14.1",
    "http.response.status_code": 200,
    "http.response.header.x-request-id": "5104a986630046e18d74aa99cbd30717",
}


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[CollectorServer]:
    """A collector that only one test uses."""
    settings = {"DATABASE_URL": "postgresql://unused/", "ALLOWED_HOSTS": "127.0.0.1"}
    with CollectorServer(
        tmp_path, environment=lambda: settings, log=tmp_path / "collector.log"
    ) as server:
        yield server


def batch(count: int) -> tuple[list[str], list[bytes]]:
    """Return `count` trace ids, and the export requests of Caddy and an app with their spans."""
    ids = [token_hex(16) for _ in range(count)]
    by_caddy = [span(it, "GET", span_id=it[:16], attributes=SERVER_ATTRIBUTES) for it in ids]
    server = partial(span, name="GET /x", kind=Span.SPAN_KIND_SERVER, attributes=SERVER_ATTRIBUTES)
    by_app = [server(it, span_id=it[16:], parent_id=it[:16]) for it in ids]
    by_app += [
        span(it, "SELECT users", parent_id=it[16:], attributes=SQL_ATTRIBUTES)
        for it in ids
        for _ in range(SPANS_OF_THE_APP - 1)
    ]
    return ids, [request("caddy", *by_caddy), request("roundtrip", *by_app, instance="app-1")]


def _listed(client: httpx2.Client) -> int:
    return len(client.get(f"/lab/api/traces?limit={MAX_TRACES}").json()["items"])


@pytest.mark.slow
def test_the_collector_keeps_up_with_200_requests_a_second(collector: CollectorServer) -> None:
    """With the maximum of 1,000 traces, memory hardly grows, and half a processor is enough."""
    assert collector.identity
    process = psutil.Process(collector.identity.pid)
    sizes: list[int] = []
    delays: list[float] = []
    before = process.cpu_times()
    began = time.monotonic()
    with httpx2.Client(base_url=collector.url) as client:
        for number in range(int(DURATION_SECONDS / EXPORT_INTERVAL_SECONDS)):
            ids, bodies = batch(int(TRACES_PER_SECOND * EXPORT_INTERVAL_SECONDS))
            time.sleep(max(0, began + number * EXPORT_INTERVAL_SECONDS - time.monotonic()))
            sent = time.monotonic()
            for body in bodies:
                assert client.post("/v1/traces", content=body, headers=PROTOBUF).status_code == 200
            assert client.get(f"/lab/api/traces/{ids[-1]}").json()["stages"] == 1 + SPANS_OF_THE_APP
            delays.append(time.monotonic() - sent)
            sizes.append(process.memory_info().rss)
        # A trace is in the list a moment after it can be read.
        assert wait_until(lambda: _listed(client) == MAX_TRACES, timeout_s=10)
    after = process.cpu_times()
    seconds = time.monotonic() - began
    cpu = (after.user + after.system - before.user - before.system) / seconds
    full = sizes[int(2 * MAX_TRACES / TRACES_PER_SECOND / EXPORT_INTERVAL_SECONDS)]
    print(
        f"{len(delays) * len(ids) / seconds:.0f} traces/s of {1 + SPANS_OF_THE_APP} spans: "
        f"{cpu:.0%} of a processor; {sizes[0] / MIB:.0f} MiB at first, {full / MIB:.0f} when full, "
        f"{sizes[-1] / MIB:.0f} at the end; sent and read in {max(delays) * 1000:.0f} ms at most"
    )
    assert sizes[-1] < full + 16 * MIB
    assert cpu < 0.5
    assert sorted(delays)[len(delays) // 2] < EXPORT_INTERVAL_SECONDS
