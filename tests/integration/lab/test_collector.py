"""The trace collector as a process: what it receives, serves and refuses."""

import gzip
import json
from secrets import token_hex
from typing import Any

import httpx2
import pytest

from lab.collector.ingest.intake import MAX_BODY_BYTES
from lab.stack.processes.waiting import wait_until
from tests.integration.lab.collecting import is_problem, send_spans
from tests.integration.wire import JSON
from tests.otlp import PROTOBUF, request, span


@pytest.mark.parametrize("path", ["/v1/traces", "/lab/v1/traces"])
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_a_sent_trace_can_be_read(collector: httpx2.Client, path: str, *, compressed: bool) -> None:
    """The trace is found by its id, also in the list. The response to the sender follows OTLP."""
    trace_id = token_hex(16)
    body = request("roundtrip", span(trace_id, "GET /livez"), instance="app-2")
    headers = PROTOBUF | ({"Content-Encoding": "gzip"} if compressed else {})
    content = gzip.compress(body) if compressed else body
    response = collector.post(path, content=content, headers=headers)
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == "application/x-protobuf"
    assert collector.get(f"/lab/api/traces/{trace_id}").json()["processes"] == ["app-2"]

    def listed() -> list[str]:
        items = collector.get("/lab/api/traces", params={"id": trace_id}).json()["items"]
        return [item["trace_id"] for item in items]

    assert wait_until(lambda: listed() == [trace_id], timeout_s=5)


def test_a_browser_can_send_a_trace_as_json(collector: httpx2.Client) -> None:
    """Ids are hexadecimal in OTLP's JSON. The response is JSON, too."""
    trace_id, span_id = token_hex(16), token_hex(8)
    sent = {
        "traceId": trace_id,
        "spanId": span_id,
        "name": "request",
        "startTimeUnixNano": "1500000000000000000",
        "endTimeUnixNano": "1500000000001000000",
        "attributes": [{"key": "roundtrip.stage", "value": {"stringValue": "request"}}],
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "client"}}]}
    body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [sent]}]}]}
    response = collector.post("/lab/v1/traces", json=body)
    assert (response.status_code, response.json()) == (200, {})
    assert response.headers["Content-Type"] == "application/json"
    trace = collector.get(f"/lab/api/traces/{trace_id}").json()
    assert (trace["processes"], trace["duration_ms"]) == (["client"], 1.0)
    assert [it["id"] for it in trace["spans"]] == [span_id]


def test_the_log_lines_of_a_trace_can_be_read(collector: httpx2.Client) -> None:
    """Without a log file, `file` is null. For an unknown trace, the response is a 404."""
    trace_id = token_hex(16)
    send_spans(collector, span(trace_id, "GET"))
    logs = collector.get(f"/lab/api/traces/{trace_id}/logs").json()
    assert logs == {"file": None, "lines": []}
    assert is_problem(collector.get(f"/lab/api/traces/{'1' * 32}/logs"), 404, "not-found")


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415, "unsupported-media-type"),
        (b"[1]", JSON, 400, "malformed-request"),
        (b"null", JSON, 400, "malformed-request"),
        (b'{"resourceSpans": [', JSON, 400, "malformed-request"),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "x"}]}]}]}', JSON, 400,
         "malformed-request"),
        (b"[" * 50_000, JSON, 400, "malformed-request"),
        (b'{"resourceSpans": [{"resource": {"attributes": [{"key": "x", "value": {"doubleValue": 1'
         + b"0" * 400 + b"}}]}}]}", JSON, 400, "malformed-request"),
        (b"", {}, 415, "unsupported-media-type"),
        (b"", PROTOBUF | {"Content-Encoding": "br"}, 415, "unsupported-media-type"),
        (b"\xff\xff\xff", PROTOBUF, 400, "malformed-request"),
        (b"\x0a\xff\x01half", PROTOBUF, 400, "malformed-request"),
        (b"no gzip", PROTOBUF | {"Content-Encoding": "gzip"}, 400, "malformed-request"),
        (gzip.compress(b"abc" * 99)[:-9], PROTOBUF | {"Content-Encoding": "gzip"}, 400,
         "malformed-request"),
        (gzip.compress(b"a") * 2, PROTOBUF | {"Content-Encoding": "gzip"}, 400,
         "malformed-request"),
        (bytes(MAX_BODY_BYTES + 1), PROTOBUF, 413, "content-too-large"),
        (gzip.compress(bytes(MAX_BODY_BYTES + 1)), PROTOBUF | {"Content-Encoding": "gzip"}, 413,
         "content-too-large"),
    ],
    ids=["text", "json list", "json null", "half of json", "json id", "deep json", "large number",
         "no type", "brotli", "no protobuf", "half a message", "no gzip", "half of gzip",
         "gzip twice", "too large", "too large when decompressed"],
)  # fmt: skip
def test_an_invalid_trace_is_refused(
    collector: httpx2.Client, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    """The response is a problem whose code names the cause. The collector itself never fails."""
    response = collector.post("/v1/traces", content=content, headers=headers)
    assert is_problem(response, status, code)


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/traces", 405, "method-not-allowed"),
        ("/nowhere", 404, "not-found"),
        ("/lab/nowhere", 404, "not-found"),
        ("/lab/static/nowhere.js", 404, "not-found"),
        ("/lab/static/..%2f..%2f..%2fREADME.md", 404, "not-found"),
        ("/lab/api/traces/" + "0" * 32, 404, "not-found"),
        ("/lab/api/traces/x/spans/y/plan", 404, "not-found"),
        ("/lab/api/traces?limit=0", 422, "invalid-content"),
        ("/lab/api/traces?limit=1001", 422, "invalid-content"),
        ("/lab/api/traces?limit=" + "9" * 5000, 422, "invalid-content"),
        ("/lab/api/traces?limit=-1", 422, "invalid-content"),
        ("/lab/api/source?file=../README.md", 404, "not-found"),
        ("/lab/api/source?file=app/errors/base.py&line=x", 422, "invalid-content"),
        ("/lab/api/source?file=app/errors/base.py&line=999999", 404, "not-found"),
    ],
)
def test_an_invalid_address_returns_a_problem(
    collector: httpx2.Client, path: str, status: int, code: str
) -> None:
    """The problem has the same format as a problem of the service."""
    assert is_problem(collector.get(path), status, code)


def test_the_sender_learns_that_spans_have_no_valid_ids(collector: httpx2.Client) -> None:
    """In OTLP, the response is a partial success. The span with valid ids is stored."""
    response = send_spans(
        collector, span("00" * 16, "zeros"), span("ab", "short"), span("ab" * 16, "ok")
    )
    assert response.status_code == 200
    assert b"no valid ids" in response.content
    assert collector.get("/lab/api/traces/" + "ab" * 16).json()["stages"] == 0


def test_a_request_for_another_host_name_is_refused(collector: httpx2.Client) -> None:
    """The refusal stops DNS rebinding, in which another site's name resolves to this machine."""
    response = collector.get("/lab/api/traces", headers={"Host": "evil.example:8080"})
    assert is_problem(response, 400, "malformed-request")


def test_the_page_may_load_nothing_from_other_origins(collector: httpx2.Client) -> None:
    """The Content-Security-Policy of every response allows only the page's own origin."""
    page = collector.get("/lab")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    for response in (page, collector.get("/nowhere")):
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy


def test_source_returns_the_lines_around_a_line(collector: httpx2.Client) -> None:
    """Line 1 is in no function, so the response has the lines around line 1."""
    found = collector.get(
        "/lab/api/source", params={"file": "app/errors/base.py", "line": "1"}
    ).json()
    assert found.keys() == {"file", "first_line", "lines", "line"}
    assert found["lines"][0].startswith('"""')


def test_each_trace_is_sent_as_an_event(collector: httpx2.Client) -> None:
    """When a trace is complete, the collector sends an event with the summary of the trace."""
    trace_id = token_hex(16)
    with collector.stream("GET", "/lab/api/events") as stream:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        send_spans(collector, span(trace_id, "GET", attributes={"url.path": "/x"}))
        payloads = (line.removeprefix("data: ") for line in lines if line.startswith("data: "))
        summaries = map(json.loads, payloads)
        found = next(summary for summary in summaries if summary["trace_id"] == trace_id)
    assert found["path"] == "/x"


def plan_path(collector: httpx2.Client, text: str) -> str:
    """Send a span with a statement, and return the path of its query plan."""
    trace_id, span_id = token_hex(16), token_hex(8)
    send_spans(
        collector, span(trace_id, "sql", span_id=span_id, attributes={"db.query.text": text})
    )
    return f"/lab/api/traces/{trace_id}/spans/{span_id}/plan"


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("SELECT id FROM users WHERE id = %(id)s::BIGINT", "users"),
        ("INSERT INTO products (sku, name) VALUES (%s, %s)", "Insert on products"),
        ("UPDATE users SET name = %(name)s WHERE email = %(email)s", "Update on users"),
        ("DELETE FROM users WHERE id = $1", "Delete on users"),
    ],
    ids=["select", "insert", "update", "delete"],
)
def test_a_statement_has_a_query_plan(collector: httpx2.Client, text: str, plan: str) -> None:
    """The query plan is generic, because spans do not contain the values of a statement."""
    found = collector.get(plan_path(collector, text)).json()
    assert found["sql"] == text
    assert plan in "\n".join(found["plan"])


@pytest.mark.parametrize(
    "text",
    [
        "DROP TABLE users",
        "SELECT 1; DROP TABLE users",
        "SELECT nothing FROM nowhere",
        "SELECT",
        "SELECT $1::int = $1::text[]",
        "SELECT '%s",
    ],
)
def test_a_statement_without_a_plan_is_refused(collector: httpx2.Client, text: str) -> None:
    """Only a single valid SELECT, INSERT, UPDATE or DELETE has a query plan."""
    assert is_problem(collector.get(plan_path(collector, text)), 422, "invalid-content")


def test_the_error_message_of_postgresql_is_not_returned(collector: httpx2.Client) -> None:
    """An error message of PostgreSQL can contain values and queries of other sessions."""
    response = collector.get(plan_path(collector, "SELECT 'canary'::int"))
    assert is_problem(response, 422, "invalid-content")
    assert "canary" not in response.text  # check 51


@pytest.mark.parametrize("key", ["", "Basic x", "Bearer wrong", "Bearer \xe9"])
def test_only_statements_of_the_service_are_explained(collector: httpx2.Client, key: str) -> None:
    """The service authenticates with a key. Spans of other senders are shown without a plan."""
    trace_id, span_id = token_hex(16), token_hex(8)
    text = "SELECT * FROM users WHERE id = pg_stat_get_backend_activity(1)::bigint"
    body = request(
        "roundtrip", span(trace_id, "sql", span_id=span_id, attributes={"db.query.text": text})
    )
    headers = {
        b"Content-Type": PROTOBUF["Content-Type"].encode(),
        b"Authorization": key.encode("latin-1"),
    }
    assert collector.post("/v1/traces", content=body, headers=headers).status_code == 200
    response = collector.get(f"/lab/api/traces/{trace_id}/spans/{span_id}/plan")
    assert is_problem(response, 422, "invalid-content")
    assert "the service itself" in response.json()["detail"]  # check 51


def test_a_query_plan_changes_nothing(collector: httpx2.Client, database: Any) -> None:
    """PostgreSQL plans the statement without executing it, on a read-only connection."""
    database.execute("CREATE SEQUENCE IF NOT EXISTS explained")
    path = plan_path(collector, "SELECT nextval('explained')")
    assert collector.get(path).status_code == 200
    (called,) = database.execute("SELECT is_called FROM explained").fetchone()
    assert called is False  # check 51
    database.execute("DROP SEQUENCE explained")
