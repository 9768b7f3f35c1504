"""`lab trace` as a whole, with servers that send prepared responses."""

import json
import os
import re
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lab.stack.config.paths import Paths
from lab.stack.config.ports import free_port
from lab.trace import collector_client
from lab.trace.command import trace
from tests.receiver import running_receiver
from tests.terminals import output_on_terminal
from tests.unit.lab.trace.trace_peers import answer, joined_document, peer


@pytest.fixture(autouse=True)
def no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ignore a collector in the developer's environment, so that it receives nothing."""
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)


class Result:
    """The output and the exit status of one call."""

    def __init__(self, status: int, captured: Any) -> None:
        self.status, self.out, self.err = status, captured.out, captured.err

    @property
    def documents(self) -> list[dict[str, Any]]:
        """The documents that `--json` printed, one per line."""
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """A function that runs `lab trace` while no stack runs."""
    return lambda *arguments: Result(
        trace.main(arguments, obj=Paths(tmp_path), standalone_mode=False), capsys.readouterr()
    )


@pytest.mark.parametrize(
    ("parts", "begins", "lacks"),
    [
        ("h", "HTTP/1.1 200 OK", "Ahmed"),
        ("b", '{\n  "name"', "HTTP/1.1"),
        ("w", "GET /: 200 in", "{"),
    ],
)
def test_print_selects_the_parts_that_are_shown(
    run: Any, parts: str, begins: str, lacks: str
) -> None:
    """The letters are HTTPie's for headers and body, and `w` for the waterfall."""
    with peer(answer(b'{"name":"Ahmed"}')) as server:
        result = run("--print", parts, f"http://127.0.0.1:{server.port}/")
    assert result.status == 0
    assert result.out.startswith(begins)
    assert lacks not in result.out


def test_an_empty_body_prints_nothing(run: Any) -> None:
    """For an empty body, `--print b` does not even print an empty line."""
    with peer(answer(b"")) as server:
        assert run("--print", "b", f"http://127.0.0.1:{server.port}/").out == ""


def test_the_output_is_the_response_and_then_the_waterfall(run: Any) -> None:
    """The response has its status line, its unchanged headers, and formatted JSON."""
    with peer(answer(b'{"name":"Ahmed"}', "X-Odd: Yes", status="201 Created")) as server:
        result = run("POST", f"http://127.0.0.1:{server.port}/api/users", "name=Ahmed")
    assert result.status == 0
    assert result.out.startswith("HTTP/1.1 201 Created\nContent-Length: 16\nX-Odd: Yes\n\n{\n  ")
    for stage in ("request", "dns", "connect", "send", "wait", "receive"):
        assert f"client        {'' if stage == 'request' else ' '}{stage} " in result.out
    assert server.requests[0].startswith(b"POST /api/users HTTP/1.1\r\n")
    assert server.requests[0].endswith(b'\r\n\r\n{"name":"Ahmed"}')


@pytest.mark.parametrize(
    ("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)], ids=["colours", "NO_COLOR"]
)
def test_a_terminal_shows_headers_and_json_in_colours(
    tmp_path: Path, variables: dict[str, str], *, coloured: bool
) -> None:
    """Apart from the colours, the text is the same as in a pipe. No line is wrapped or cut."""
    variables |= {"LAB_DIR": str(tmp_path), "PATH": os.environ["PATH"]}
    with peer(answer(b'{"name":"Ahmed"}', f"X-Odd: {'[red] ' * 30}end")) as server:
        command = [sys.executable, "-m", "lab", "trace", "--print", "hb", f":{server.port}/"]
        output = output_on_terminal(command, variables)
    lines = re.sub(r"\033\[[\d;]*m", "", output).splitlines()
    assert lines == [
        "HTTP/1.1 200 OK", "Content-Length: 16", f"X-Odd: {'[red] ' * 30}end", "",
        "{", '  "name": "Ahmed"', "}",
    ]  # fmt: skip
    coloured_texts = ["\033[96mX-Odd\033[0m:", '\033[94m"name"\033[0m:', '\033[33m"Ahmed"\033[0m']
    assert [text in output for text in coloured_texts] == [coloured] * 3


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
    """In the document, the body is parsed JSON, a text, or null."""
    with peer(response) as server:
        result = run("--json", f":{server.port}/")
    assert result.documents[0]["response"]["body"] == body


def test_the_document_has_every_documented_name(run: Any) -> None:
    """lab/trace/output/document.py lists the names; the server's stages are from Server-Timing."""
    with peer(answer(b"{}", "Server-Timing: app;dur=1.5", "X-Cache: hit")) as server:
        result = run("--json", f"http://127.0.0.1:{server.port}/x?token=secret", "Cookie:secret")
    document = result.documents[0]
    assert set(document) == {
        "trace_id", "started_at", "duration_ms", "method", "path", "route", "status", "processes",
        "stages", "cache", "request_id", "joined", "page", "untraced_ms", "spans",
        "response",
    }  # fmt: skip
    assert document["processes"] == ["client", "app"]
    assert (document["joined"], document["cache"], document["path"]) == (False, "hit", "/x?token=…")
    assert [span["stage"] for span in document["spans"]] == [
        "request", "dns", "connect", "send", "wait", "app", "receive"
    ]  # fmt: skip
    assert "secret" not in result.out


def test_the_spans_go_to_the_collector_and_the_joined_trace_comes_back(run: Any) -> None:
    """`traceparent` has the id of `wait`. `lab trace` polls until the trace is complete."""
    with running_receiver() as received, peer(answer()) as server:
        received.documents = [None, joined_document("client"), joined_document("client", "app-1")]
        url = f"http://127.0.0.1:{server.port}/x?a=secret"
        result = run("--json", "--collector", received.url, url)
    trace_id = result.documents[0]["trace_id"]
    assert result.documents[0]["joined"] is True
    assert result.documents[0]["page"] == f"{received.url}/lab#trace={trace_id}"
    assert result.documents[0]["processes"] == ["client", "app-1"]
    assert {it["service.name"] for it in received.resources} == {"client"}
    by_name = {span.name: span for span in received.spans}
    assert set(by_name) == {"request", "dns", "connect", "send", "wait", "receive"}
    root = by_name["request"]
    assert {s.parent_id for s in received.spans if s is not root} == {root.id}
    sent = f"traceparent: 00-{root.trace_id}-{by_name['wait'].id}-01"
    assert sent.encode() in server.requests[0]
    assert root.kind == "CLIENT"
    assert b"secret" not in received.raw


def test_a_given_traceparent_is_continued(run: Any) -> None:
    """The header is sent unchanged, and the span that it names is the parent of the root span."""
    traceparent = f"00-{'a' * 32}-{'b' * 16}-01"
    with running_receiver() as received, peer(answer()) as server:
        received.documents = [joined_document("client", "app-1")]
        run("--collector", received.url, f":{server.port}/", f"traceparent:{traceparent}")
    root = next(span for span in received.spans if span.name == "request")
    assert (root.trace_id, root.parent_id) == ("a" * 32, "b" * 16)
    assert f"traceparent: {traceparent}".encode() in server.requests[0]


def test_waiting_for_the_servers_spans_has_a_limit(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the limit, the output says that no collector has the server's spans."""
    monkeypatch.setattr(collector_client, "MAX_WAIT_SECONDS", 0.3)
    with running_receiver() as received, peer(answer()) as server:
        received.documents = [joined_document("client")]
        result = run("--collector", received.url, f":{server.port}/")
    assert result.status == 0
    assert "No collector has the server's spans" in result.out


def test_a_repeated_request_reuses_the_connection(run: Any) -> None:
    """The second document has no stages for DNS and connecting."""
    with peer(answer(), answer()) as server:
        result = run("--json", "--repeat", "2", f":{server.port}/")
    first, second = result.documents
    assert server.connections == 1
    assert [span["stage"] for span in second["spans"]] == ["request", "send", "wait", "receive"]
    assert first["trace_id"] != second["trace_id"]


def test_a_closed_connection_is_opened_again(run: Any) -> None:
    """After `Connection: close`, the next request opens a new connection (RFC 9112, 9.6)."""
    end = answer(b"", "Connection: close")
    with peer(end, end, close=True) as server:
        assert run("--repeat", "2", f":{server.port}/").status == 0
    assert server.connections == 2


def test_a_redirect_is_shown_and_not_followed(run: Any) -> None:
    """There is one request, and the output has the target of the redirect."""
    with peer(answer(b"", "Location: /elsewhere", status="307 Temporary Redirect")) as server:
        result = run(f":{server.port}/")
    assert result.status == 0
    assert "Not followed: /elsewhere" in result.out
    assert len(server.requests) == 1


def test_slo_decides_the_exit_status(run: Any) -> None:
    """Within the limit, the exit status is 0. Above the limit, it is 1. The unit is s or ms."""
    with peer(answer(), answer(), answer()) as server:
        assert run("--slo", "5s", f":{server.port}/").status == 0
        assert run("--slo", "5000ms", f":{server.port}/").status == 0
        result = run("--slo", "0.001ms", f":{server.port}/")
    assert result.status == 1
    assert "(limit 0.001 ms)" in result.err


def test_a_proxy_is_not_used_and_a_warning_says_so(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warning does not contain the proxy's address, which may have a password."""
    monkeypatch.setenv("http_proxy", "http://me:secret@127.0.0.1:9")
    with peer(answer()) as server:
        result = run(f":{server.port}/")
    assert result.status == 0
    assert "HTTP_PROXY is set but not used" in result.err
    assert "secret" not in result.err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["/api/users"], 3, "make start"),
        (["http://a..b/"], 2, "not an http:// or https:// address"),
        (["http://host.invalid/"], 4, "No address found for host.invalid"),
        (["https://127.0.0.1:{refusing}/"], 5, "No connection to port"),
        (["https://127.0.0.1:{plain}/"], 6, "TLS with 127.0.0.1"),
        (["--timeout", "50ms", "127.0.0.1:{silent}/"], 7, "--timeout"),
        (["127.0.0.1:{odd}/"], 8, "not HTTP/1.1"),
        (["127.0.0.1:{odd}/", "Host:"], 2, "Host"),
        (["--collector", "nonsense", "127.0.0.1:{odd}/"], 2, "--collector"),
        (["--cacert", __file__, "https://127.0.0.1:{odd}/"], 2, "not a certificate"),
    ],
    ids=[
        "no-stack", "no-host", "dns", "refused", "no-tls", "timeout", "no-http", "no-host-header",
        "collector", "cacert",
    ],
)  # fmt: skip
def test_each_failure_prints_one_line_and_has_its_own_exit_status(
    run: Any, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, message: str
) -> None:
    """The line is on stderr; there is no output on stdout, and no traceback."""
    real = socket.getaddrinfo

    def without_network(host: str, *rest: Any, **more: Any) -> Any:
        # Fail at once. Without a network, the real resolver may take seconds to fail.
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
        result = run(*typed)
    assert (result.status, result.out) == (status, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_each_address_of_a_name_is_tried_and_each_attempt_is_a_stage(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first address refuses the connection, the second one accepts it."""
    with peer(answer()) as server:
        addresses = [("127.0.0.2", server.port), ("127.0.0.1", server.port)]
        monkeypatch.setattr(
            socket, "getaddrinfo",
            lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", it) for it in addresses],
        )  # fmt: skip
        result = run("--json", f"two.example:{server.port}/")
    attempts = [span for span in result.documents[0]["spans"] if span["stage"] == "connect"]
    assert [span["error"] for span in attempts] == [True, False]
    assert attempts[0]["attributes"]["error.type"] == "ConnectionRefusedError"
    assert attempts[1]["attributes"]["network.peer.address"] == "127.0.0.1"


def test_the_time_is_measured_in_the_right_stage(run: Any) -> None:
    """The server waits 200 ms before it responds, and 100 ms before the last byte."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def respond_slowly() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                time.sleep(0.2)
                connection.sendall(answer()[:-1])
                time.sleep(0.1)
                connection.sendall(answer()[-1:])

        thread = threading.Thread(target=respond_slowly)
        thread.start()
        result = run("--json", f":{server.getsockname()[1]}/")
        thread.join()
    took = {span["stage"]: span["duration_ms"] for span in result.documents[0]["spans"]}
    # On a busy machine, `lab trace` may notice up to 50 ms late that a stage has ended. Then the
    # next stage is shorter, but the sum of both is not.
    assert took["wait"] >= 150
    assert took["receive"] >= 50
    assert took["send"] + took["wait"] >= 200
    assert took["send"] + took["wait"] + took["receive"] >= 300
    assert sum(took.values()) - took["request"] <= took["request"] + 0.01
