"""`lab trace` from one end to the other, against servers that say what they are told."""

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lab.stack.paths import Paths
from lab.stack.ports import free_port
from lab.trace import collector
from lab.trace.command import trace
from tests.trace_peers import answer, joined_document, peer, receiver


@pytest.fixture(autouse=True)
def no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """No collector of a developer's own is sent anything."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)


class Ran:
    """What one call has said, and its exit status."""

    def __init__(self, status: int, captured: Any) -> None:
        self.status, self.out, self.err = status, captured.out, captured.err

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Each line of `--json`."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run it where no stack runs."""
    return lambda *arguments: Ran(trace(Paths(tmp_path), arguments), capsys.readouterr())


@pytest.mark.parametrize(
    ("parts", "begins", "lacks"),
    [
        ("h", "HTTP/1.1 200 OK", "Ahmed"),
        ("b", '{\n  "name"', "HTTP/1.1"),
        ("w", "GET /: 200 in", "{"),
    ],
)
def test_the_parts_that_are_wanted_are_shown(run: Any, parts: str, begins: str, lacks: str) -> None:
    """By HTTPie's letters: head, body, and the waterfall."""
    with peer(answer(b'{"name":"Ahmed"}')) as server:
        ran = run("--print", parts, f"http://127.0.0.1:{server.port}/")
    assert ran.status == 0
    assert ran.out.startswith(begins)
    assert lacks not in ran.out


def test_of_a_response_without_a_body_nothing_is_shown_as_such(run: Any) -> None:
    """Not even an empty line."""
    with peer(answer(b"")) as server:
        assert run("--print", "b", f"http://127.0.0.1:{server.port}/").out == ""


def test_the_response_is_shown_and_below_it_the_stages(run: Any) -> None:
    """Status line, headers as they came, the JSON made readable, the waterfall."""
    with peer(answer(b'{"name":"Ahmed"}', "X-Odd: Yes", status="201 Created")) as server:
        ran = run("POST", f"http://127.0.0.1:{server.port}/api/users", "name=Ahmed")
    assert ran.status == 0
    assert ran.out.startswith("HTTP/1.1 201 Created\nContent-Length: 16\nX-Odd: Yes\n\n{\n  ")
    for stage in ("request", "dns", "connect", "send", "wait", "receive"):
        assert f"client        {'' if stage == 'request' else ' '}{stage} " in ran.out
    assert server.requests[0].startswith(b"POST /api/users HTTP/1.1\r\n")
    assert server.requests[0].endswith(b'\r\n\r\n{"name":"Ahmed"}')


@pytest.mark.parametrize(
    ("response", "body"),
    [
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[1\r\n1\r\n]\r\n0\r\n\r\n",
            [1],
        ),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" + answer(b"text"), "text"),
        (answer(b""), None),
        (answer(b"\xff\xfe"), None),
        (answer(b"null"), None),
    ],
    ids=["chunked", "early-hints", "empty", "binary", "null"],
)
def test_every_kind_of_body_is_read(run: Any, response: bytes, body: object) -> None:
    """In JSON it is a value, or a text, or null."""
    with peer(response) as server:
        ran = run("--json", f":{server.port}/")
    assert ran.documents[0]["response"]["body"] == body


def test_the_document_has_what_it_promises(run: Any) -> None:
    """Every name of lab/trace/document.py; Server-Timing stands in for a collector."""
    with peer(answer(b"{}", "Server-Timing: app;dur=1.5", "X-Cache: hit")) as server:
        ran = run("--json", f"http://127.0.0.1:{server.port}/x?token=secret", "Cookie:secret")
    document = ran.documents[0]
    assert set(document) == {
        "trace_id", "started_at", "duration_ms", "method", "path", "route", "status", "processes",
        "stages", "cache", "request_id", "joined", "unnamed_ms", "spans", "response",
    }  # fmt: skip
    assert document["processes"] == ["client", "app"]
    assert (document["joined"], document["cache"], document["path"]) == (False, "hit", "/x?token=…")
    assert [span["stage"] for span in document["spans"]] == [
        "request", "dns", "connect", "send", "wait", "app", "receive"
    ]  # fmt: skip
    assert "secret" not in ran.out


def test_the_spans_go_to_the_collector_and_the_joined_trace_comes_back(run: Any) -> None:
    """The server is told the id of `wait`; the trace is asked for until it is whole."""
    with receiver() as told, peer(answer()) as server:
        told.documents = [None, joined_document("client"), joined_document("client", "app-1")]
        ran = run("--json", "--collector", told.url, f"http://127.0.0.1:{server.port}/x?a=secret")
    assert ran.documents[0]["joined"] is True
    assert ran.documents[0]["processes"] == ["client", "app-1"]
    assert told.services == {"client"}
    by_name = {span.name: span for span in told.spans}
    assert set(by_name) == {"request", "dns", "connect", "send", "wait", "receive"}
    root = by_name["request"]
    assert {s.parent_span_id for s in told.spans if s is not root} == {root.span_id}
    sent = f"traceparent: 00-{root.trace_id.hex()}-{by_name['wait'].span_id.hex()}-01"
    assert sent.encode() in server.requests[0]
    assert root.kind == root.SPAN_KIND_CLIENT
    assert "secret" not in str(told.spans)


def test_a_trace_that_somebody_has_begun_is_gone_on_with(run: Any) -> None:
    """The header goes out as it was typed, and the root has their span as its parent."""
    given = f"00-{'a' * 32}-{'b' * 16}-01"
    with receiver() as told, peer(answer()) as server:
        told.documents = [joined_document("client", "app-1")]
        run("--collector", told.url, f":{server.port}/", f"traceparent:{given}")
    root = next(span for span in told.spans if span.name == "request")
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == ("a" * 32, "b" * 16)
    assert f"traceparent: {given}".encode() in server.requests[0]


def test_a_collector_without_the_servers_spans_is_not_waited_for_forever(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its patience the client's own stages are shown, and why."""
    monkeypatch.setattr(collector, "PATIENCE_S", 0.3)
    with receiver() as told, peer(answer()) as server:
        told.documents = [joined_document("client")]
        ran = run("--collector", told.url, f":{server.port}/")
    assert ran.status == 0
    assert "No collector has the server's spans" in ran.out


def test_a_repeated_request_goes_the_same_way(run: Any) -> None:
    """One connection; the second document has no stage of making it."""
    with peer(answer(), answer()) as server:
        ran = run("--json", "--repeat", "2", f":{server.port}/")
    first, second = ran.documents
    assert server.connections == 1
    assert [span["stage"] for span in second["spans"]] == ["request", "send", "wait", "receive"]
    assert first["trace_id"] != second["trace_id"]


def test_a_connection_that_the_server_ends_is_made_again(run: Any) -> None:
    """`Connection: close` is believed (RFC 9112, section 9.6)."""
    end = answer(b"", "Connection: close")
    with peer(end, end, close=True) as server:
        assert run("--repeat", "2", f":{server.port}/").status == 0
    assert server.connections == 2


def test_a_redirect_is_shown_and_not_followed(run: Any) -> None:
    """One request, and where it would lead."""
    with peer(answer(b"", "Location: /elsewhere", status="307 Temporary Redirect")) as server:
        ran = run(f":{server.port}/")
    assert ran.status == 0
    assert "Not followed: /elsewhere" in ran.out
    assert len(server.requests) == 1


def test_the_objective_decides_the_exit_status(run: Any) -> None:
    """0 within it, 1 beyond it, in both units."""
    with peer(answer(), answer(), answer()) as server:
        assert run("--slo", "5s", f":{server.port}/").status == 0
        assert run("--slo", "5000ms", f":{server.port}/").status == 0
        ran = run("--slo", "0.001ms", f":{server.port}/")
    assert ran.status == 1
    assert "0.001 ms are the objective" in ran.err


def test_a_proxy_is_not_asked_and_that_is_said(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its address is not repeated, as it may have a password in it."""
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    with peer(answer()) as server:
        ran = run(f":{server.port}/")
    assert ran.status == 0
    assert "HTTP_PROXY is set and not used" in ran.err
    assert "secret" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["/api/users"], 3, "make start"),
        (["http://a..b/"], 2, "no http:// or https:// address"),
        (["http://host.invalid/"], 4, "No address is known for host.invalid"),
        (["https://127.0.0.1:{refusing}/"], 5, "Does the server run"),
        (["https://127.0.0.1:{plain}/"], 6, "No TLS with 127.0.0.1"),
        (["--timeout", "50ms", "127.0.0.1:{silent}/"], 7, "--timeout"),
        (["127.0.0.1:{odd}/"], 8, "no HTTP/1.1"),
        (["127.0.0.1:{odd}/", "Host:"], 2, "Host"),
        (["--collector", "nonsense", "127.0.0.1:{odd}/"], 2, "--collector"),
        (["--cacert", __file__, "https://127.0.0.1:{odd}/"], 2, "no certificate"),
    ],
    ids=[
        "no-stack", "no-host", "dns", "refused", "no-tls", "timeout", "no-http", "no-host-header",
        "collector", "cacert",
    ],
)  # fmt: skip
def test_a_failure_is_one_sentence_and_a_status_of_its_own(
    run: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, said: str
) -> None:
    """Nothing on stdout, and no traceback."""
    real = socket.getaddrinfo

    def without_network(host: str, *rest: Any, **more: Any) -> Any:
        # A resolver without a network may take seconds to say so.
        if host.endswith(".invalid"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", without_network)
    with (
        peer() as silent,
        peer(b"SSH-2.0-x\r\n\r\n", close=True) as odd,
        peer(greeting=b"220 Hello\r\n") as plain,
    ):
        ports = {"silent": silent.port, "odd": odd.port, "plain": plain.port}
        typed = [text.format(**ports, refusing=free_port()) for text in arguments]
        ran = run(*typed)
    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_each_address_of_a_name_is_tried_and_each_attempt_is_seen(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one refuses, the second one answers."""
    with peer(answer()) as server:
        found = [("127.0.0.2", server.port), ("127.0.0.1", server.port)]
        monkeypatch.setattr(
            socket, "getaddrinfo",
            lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", one) for one in found],
        )  # fmt: skip
        ran = run("--json", f"two.example:{server.port}/")
    attempts = [span for span in ran.documents[0]["spans"] if span["stage"] == "connect"]
    assert [span["error"] for span in attempts] == [True, False]
    assert attempts[0]["attributes"]["error.type"] == "ConnectionRefusedError"
    assert attempts[1]["attributes"]["network.peer.address"] == "127.0.0.1"


def test_what_is_measured_is_where_the_time_was(run: Any) -> None:
    """A server that thinks for 200 ms is waited for 200 ms."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def think() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                time.sleep(0.2)
                connection.sendall(answer()[:-1])
                time.sleep(0.1)
                connection.sendall(answer()[-1:])

        thread = threading.Thread(target=think)
        thread.start()
        ran = run("--json", f":{server.getsockname()[1]}/")
        thread.join()
    took = {span["stage"]: span["duration_ms"] for span in ran.documents[0]["spans"]}
    # On a busy machine this process may be told late that it has sent, or that it can receive. The
    # server has had the whole request by then, or the whole answer has come.
    assert took["wait"] >= 150
    assert took["receive"] >= 50
    assert took["send"] + took["wait"] >= 200
    assert took["send"] + took["wait"] + took["receive"] >= 300
    assert sum(took.values()) - took["request"] <= took["request"] + 0.01
