"""The load balancer as clients meet it: HTTPS, HTTP/2, forged headers, what it answers itself."""

import re
import socket
from secrets import token_hex

import pytest

from lab.stack.caddy import CaddyServer, PublicSockets
from lab.stack.environment import Choices
from lab.stack.paths import CHECKOUT, Paths
from lab.stack.ports import free_port
from lab.stack.stack import Stack
from lab.stack.telemetry import telemetry
from lab.stack.waiting import wait_until
from tests.e2e.local_stack import NO_PROVIDER, Answer, LocalStack, signup

# RFC 9113, section 3.4: a client begins with these, then a SETTINGS frame (type 4), here an empty
# one; the server answers with a SETTINGS frame of its own.
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
FRAME_TYPE = 3


def test_https_is_trusted_with_the_ca_file_and_says_so_to_browsers(stack: LocalStack) -> None:
    """The certificate is one for localhost; over HTTPS the service asks to stay with it."""
    answer = stack.request("GET", "/livez", https=True)
    assert answer.status == 200
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in stack.request("GET", "/livez").headers


def test_caddy_does_not_clean_its_storage_while_it_saves_certificates(stack: LocalStack) -> None:
    """The cleaning, of which Caddy would write the time down, may delete a new directory."""
    assert (stack.directory / "caddy" / "certificates").is_dir()
    assert not (stack.directory / "caddy" / "last_clean.json").exists()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_https_speaks_http2(stack: LocalStack, host: str) -> None:
    """It is agreed on in the handshake, and the first frame back is the one HTTP/2 asks for."""
    trust = stack.trust()
    trust.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((host, stack.https_port), timeout=10) as plain,
        trust.wrap_socket(plain, server_hostname=host) as connection,
    ):
        assert connection.selected_alpn_protocol() == "h2"
        connection.sendall(HTTP2_PREFACE)
        assert connection.recv(9)[FRAME_TYPE] == 4


def test_http_is_not_redirected(stack: LocalStack) -> None:
    """A redirect would turn a POST into a GET."""
    assert stack.request("GET", "/livez").status == 200


def test_head_works_through_the_load_balancer(stack: LocalStack) -> None:
    """The headers of a GET, and no body."""
    answer = stack.request("HEAD", "/livez")
    assert (answer.status, answer.text) == (200, "")


def test_no_server_software_is_named(stack: LocalStack) -> None:
    """Neither by the service nor by the load balancer, nor in its own answers."""
    for path in ("/livez", "/metrics", "/nowhere"):
        headers = stack.request("GET", path).headers
        assert "Server" not in headers
        assert "Via" not in headers


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/x/../metrics"]
)
def test_metrics_are_not_found_through_the_load_balancer(stack: LocalStack, path: str) -> None:
    """The numbers are for operators; strangers get the same problem as for any other address."""
    answer = stack.request("GET", path, headers={"X-Request-ID": "mine-1"})
    problem = answer.json()
    assert (answer.status, problem["status"], problem["code"]) == (404, 404, "not-found")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == problem["request_id"] == "mine-1"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_request_id_that_could_do_harm_is_replaced(stack: LocalStack) -> None:
    """What is not 1-128 harmless characters does not come back, in no header and in no body."""
    answer = stack.request("GET", "/metrics", headers={"X-Request-ID": 'a"b{http.request.host}'})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-ID"])
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_a_forged_address_does_not_get_through(stack: LocalStack) -> None:
    """Requests that claim to come from elsewhere are counted for the address they come from."""

    def remaining(claimed: str) -> int:
        headers = {"X-Forwarded-For": claimed, "X-Real-IP": claimed, "Forwarded": f"for={claimed}"}
        answer = stack.request("POST", "/api/users", body=signup("no address"), headers=headers)
        found = re.search(r"\br=(\d+)", answer.headers["RateLimit"])
        assert found
        return int(found[1])

    assert remaining("192.0.2.1") - remaining("192.0.2.2") == 1


def test_without_any_app_process_clients_get_a_problem_that_says_when_to_come_back(
    stack: LocalStack,
) -> None:
    """503 in the service's own shape, with Retry-After; its trace says so, too."""
    other = LocalStack(**NO_PROVIDER)
    logs = other.directory / "logs"
    caddy = CaddyServer(
        other.directory / "caddy",
        ports=(other.http_port, other.https_port),
        ca_certificate=other.directory / "ca.crt",
        log=logs / "caddy.log",
        upstreams=lambda: [free_port(), free_port()],
    )
    collector = Stack(Paths(stack.directory), Choices.from_environment({})).collector
    caddy.settings = lambda: {
        **telemetry("caddy", collector.url, environment={}),
        "OTEL_TRACES_EXPORTER": "otlp",
    }
    caddy.public_sockets = PublicSockets.open(other.http_port, other.https_port, "start")
    trace_id = token_hex(16)
    try:
        caddy.launch()
        assert wait_until(caddy.alive, timeout_s=10)
        sampled = {"traceparent": f"00-{trace_id}-{token_hex(8)}-01"}
        answer = other.request("GET", "/livez", headers=sampled)
        unknown = other.request("MYSECRET", "/livez", headers=sampled)
        with socket.create_connection(("127.0.0.1", other.http_port), timeout=10) as chunked:
            head = b"POST /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            chunked.sendall(head + b"0\r\n\r\n")
            ended = b"".join(iter(lambda: chunked.recv(65536), b""))
    finally:
        caddy.stop()
        caddy.public_sockets.close()
        other.discard()
    assert (answer.status, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"] == "1"

    def told() -> Answer:
        return stack.request("GET", f"/lab/api/traces/{trace_id}")

    trace = told().json()
    assert (trace["status"], trace["processes"]) == (503, ["load-balancer"])
    assert unknown.status == 503
    assert wait_until(lambda: told().text.count('"id"') == 4, timeout_s=10)
    assert "MYSECRET" not in told().text  # check 55
    assert ended.startswith(b"HTTP/1.1 503 ")  # check 52
    assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n123456\r\n",
    ],
    ids=["no number", "longer than it says"],
)
def test_a_client_with_broken_bodies_harms_nobody_else(stack: LocalStack, body: bytes) -> None:
    """It gets 400; no process is taken for dead because of it."""
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", stack.http_port), timeout=10) as connection:
            connection.sendall(head + body)
            answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b'"code":"malformed-request"' in answer
        assert stack.request("GET", "/livez").status == 200


def test_content_length_with_transfer_encoding_ends_the_connection(stack: LocalStack) -> None:
    """Caddy reads it by Transfer-Encoding; what follows on the connection is not a request.

    RFC 9112, section 6.1, allows this, or 400. Caddy has no way to answer 400.
    """
    smuggled = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = (
        b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", stack.http_port), timeout=10) as connection:
        connection.sendall(head + b"2\r\n{}\r\n0\r\n\r\n" + smuggled)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert answer.count(b"HTTP/1.1 ") == 1  # check 52


_GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
_PLAIN_ANSWERS = {
    "two Content-Length headers that differ": (
        _GET + b"Content-Length: 1\r\nContent-Length: 2",
        400,
    ),
    "two Host headers": (_GET + b"Host: b", 400),
    "a Host header with a space": (b"GET / HTTP/1.1\r\nHost: a b", 400),
    "HTTP/1.1 without a Host header": (b"GET / HTTP/1.1\r\nX: y", 400),
    "a first line without a path": (b"GET", 400),
    "a Content-Length that is not a number": (_GET + b"Content-Length: abc", 400),
    "a header line without a colon": (_GET + b"X", 400),
    "a header name with a space": (_GET + b"a b: c", 400),
    "a control character in a header value": (_GET + b"X: a\x01b", 400),
    "a path with a broken percent-encoding": (b"GET /%zz HTTP/1.1\r\nHost: localhost", 400),
    "HTTPS on the port for HTTP": (b"\x16\x03\x01\x00\x05hello", 400),
    "an expectation other than 100-continue": (_GET + b"Expect: 5", 417),
    "a header section of more than 36 KiB": (_GET + b"X: " + b"a" * 40_000, 431),
    "a transfer coding other than chunked": (_GET + b"Transfer-Encoding: gzip, chunked", 501),
    "a version of HTTP other than 1.0 and 1.1": (b"GET / HTTP/3.7\r\nHost: localhost", 505),
}


@pytest.mark.parametrize("kind", list(_PLAIN_ANSWERS))
def test_what_the_load_balancer_answers_in_plain_text_is_documented(
    stack: LocalStack, kind: str
) -> None:
    """The page of the promises lists each with its status."""
    sent, status = _PLAIN_ANSWERS[kind]
    with socket.create_connection(("127.0.0.1", stack.http_port), timeout=10) as connection:
        connection.sendall(sent + b"\r\n\r\n")
        answer = connection.recv(65536)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"problem+json" not in answer
    page = (CHECKOUT / "docs" / "promises.md").read_text()
    assert f"| {kind} | {status} |" in page  # check 52


def test_http_on_the_port_for_https_is_documented(stack: LocalStack) -> None:
    """TLS refuses it before HTTP begins."""
    with socket.create_connection(("127.0.0.1", stack.https_port), timeout=10) as connection:
        connection.sendall(_GET + b"\r\n")
        assert b" 400 " in connection.recv(65536).partition(b"\r\n")[0]
    page = (CHECKOUT / "docs" / "promises.md").read_text()
    assert "| HTTP on the port for HTTPS | 400 |" in page  # check 52


def test_no_span_of_the_load_balancer_has_a_text_that_the_client_chose(stack: LocalStack) -> None:
    """Neither the path nor the query, the Host, an address or a user agent."""
    mark, trace_id = token_hex(8), token_hex(16)
    headers = {
        "traceparent": f"00-{trace_id}-{token_hex(8)}-01",
        "tracestate": "roundtrip=always",
        "Host": f"{mark}.example",
        "User-Agent": mark,
        "X-Forwarded-For": mark,
        "Referer": mark,
    }
    assert stack.request("GET", f"/{mark}?{mark}={mark}", headers=headers).status == 400

    def told() -> Answer:
        return stack.request("GET", f"/lab/api/traces/{trace_id}")

    assert wait_until(lambda: '"stage":"load-balancer"' in told().text, timeout_s=10)
    assert mark not in told().text  # check 55


@pytest.mark.parametrize(
    "head", [b"GET /livez HTTP/1.0\r\n\r\n", b"GET /livez HTTP/1.1\r\nHost:\r\n\r\n"]
)
def test_a_request_without_a_host_gets_a_problem(stack: LocalStack, head: bytes) -> None:
    """RFC 9112, section 3.2."""
    with socket.create_connection(("127.0.0.1", stack.http_port), timeout=10) as connection:
        connection.sendall(head)
        answer = connection.recv(65536)  # check 34
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"application/problem+json" in answer


@pytest.mark.parametrize("method", ["FOO", "get", "TRACE", "PROPFIND", "M-SEARCH", "QUERY"])
def test_a_method_that_no_path_has_gets_405_and_what_is_allowed(
    stack: LocalStack, method: str
) -> None:
    """A name that HTTP has never heard of as well: RFC 9110, section 15.5.6."""
    answer = stack.request(method, "/api/auth/login")
    assert (answer.status, answer.json()["code"]) == (405, "method-not-allowed")
    assert answer.headers["Allow"] == "OPTIONS, POST"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert stack.request(method, "/nothing").status == 404
