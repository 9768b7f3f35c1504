"""The load balancer: HTTPS, HTTP/2, forged headers, and its own error responses."""

import re
import socket
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex

import pytest

from lab.http_client import Response
from lab.stack.config.paths import CHECKOUT
from lab.stack.config.ports import free_port
from lab.stack.config.telemetry import telemetry
from lab.stack.processes.waiting import wait_until
from tests.accounts import signup_body
from tests.e2e.local_stack import LocalStack, running_caddy

# RFC 9113, section 3.4: a client first sends a fixed text, then a SETTINGS frame (type 4). This
# SETTINGS frame is empty. The server responds with its own SETTINGS frame.
HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
FRAME_TYPE_INDEX = 3


def test_a_client_with_the_ca_file_trusts_https(stack: LocalStack) -> None:
    """Over HTTPS, responses have Strict-Transport-Security (RFC 6797). Over HTTP, they do not."""
    response = stack.request("GET", "/livez", https=True)
    assert response.status == 200
    assert "max-age" in response.headers["Strict-Transport-Security"]
    assert "Strict-Transport-Security" not in stack.request("GET", "/livez").headers


def test_caddy_does_not_clean_its_storage_while_it_saves_certificates(stack: LocalStack) -> None:
    """A cleanup, which writes last_clean.json, could delete a directory that is still empty."""
    assert (stack.directory / "caddy" / "certificates").is_dir()
    assert not (stack.directory / "caddy" / "last_clean.json").exists()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_https_supports_http2(stack: LocalStack, host: str) -> None:
    """The TLS handshake selects HTTP/2, and the first frame of the server is SETTINGS."""
    ssl_context = stack.ssl_context()
    ssl_context.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection((host, stack.https_port), timeout=10) as tcp_socket,
        ssl_context.wrap_socket(tcp_socket, server_hostname=host) as connection,
    ):
        assert connection.selected_alpn_protocol() == "h2"
        connection.sendall(HTTP2_PREFACE)
        assert connection.recv(9)[FRAME_TYPE_INDEX] == 4


def test_head_works_through_the_load_balancer(stack: LocalStack) -> None:
    """The response has the status of a GET and no body."""
    response = stack.request("HEAD", "/livez")
    assert (response.status, response.text) == (200, "")


def test_no_header_names_the_server_software(stack: LocalStack) -> None:
    """Responses of the service and of the load balancer have neither Server nor Via."""
    for path in ("/livez", "/metrics", "/nowhere"):
        headers = stack.request("GET", path).headers
        assert "Server" not in headers
        assert "Via" not in headers


@pytest.mark.parametrize(
    "path", ["/metrics", "/metrics/", "//metrics", "/%6detrics", "/x/../metrics"]
)
def test_the_load_balancer_does_not_expose_metrics(stack: LocalStack, path: str) -> None:
    """Clients get the same problem as for any unknown path. The metrics are for operators."""
    response = stack.request("GET", path, headers={"X-Request-ID": "mine-1"})
    problem = response.json()
    assert (response.status, problem["status"], problem["code"]) == (404, 404, "not-found")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Request-ID"] == problem["request_id"] == "mine-1"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_an_invalid_request_id_is_replaced(stack: LocalStack) -> None:
    """If an id has a dangerous character, the header and the body have a new id instead."""
    response = stack.request("GET", "/metrics", headers={"X-Request-ID": 'a"b{http.request.host}'})
    assert re.fullmatch(r"[0-9a-f-]{36}", response.headers["X-Request-ID"])
    assert response.json()["request_id"] == response.headers["X-Request-ID"]


def _remaining(stack: LocalStack, claimed: str) -> int:
    headers = {"X-Forwarded-For": claimed, "X-Real-IP": claimed, "Forwarded": f"for={claimed}"}
    body = signup_body(email="no address")
    response = stack.request("POST", "/api/users", body=body, headers=headers)
    match = re.search(r"\br=(\d+)", response.headers["RateLimit"])
    assert match
    return int(match[1])


def test_a_forged_client_address_is_ignored(stack: LocalStack) -> None:
    """The rate limit counts by the client's real address, whatever the headers claim."""
    assert _remaining(stack, "192.0.2.1") - _remaining(stack, "192.0.2.2") == 1


def test_a_trusted_proxy_says_who_the_client_is(stack: LocalStack) -> None:
    """In X-Forwarded-For, the last address that is not a proxy's is the client's.

    The service also trusts X-Forwarded-Proto from a trusted proxy.
    """
    proxies = {"TRUSTED_PROXIES": "127.0.0.0/8 ::1 10.0.0.0/8"}
    with running_caddy(lambda: [stack.parts.apps[0].port], proxies) as caddy:
        first, second = f"2001:db8::{token_hex(2)}", f"2001:db8:1::{token_hex(2)}"
        left = _remaining(caddy, first)
        assert _remaining(caddy, second) == left  # check F33
        assert _remaining(caddy, f"{second}, {first}, 10.0.0.7") == left - 1  # check F33
        forwarded = {"X-Forwarded-For": first, "X-Forwarded-Proto": "https"}
        response = caddy.request("GET", "/livez", headers=forwarded)
        assert "Strict-Transport-Security" in response.headers  # check F33


@pytest.mark.slow
def test_without_any_app_process_a_client_gets_503_with_retry_after(stack: LocalStack) -> None:
    """The load balancer sends the problem itself. The trace of the request has the status 503."""
    settings = {
        **telemetry("caddy", stack.parts.collector.url, environment={}),
        "OTEL_TRACES_EXPORTER": "otlp",
    }
    trace_id = token_hex(16)
    sampled = {"traceparent": f"00-{trace_id}-{token_hex(8)}-01"}
    with (
        running_caddy(lambda: [free_port(), free_port()], settings) as other,
        # For each request, the load balancer looks for a process for three seconds. So the test
        # sends all requests at once.
        ThreadPoolExecutor() as pool,
    ):
        known = pool.submit(other.request, "GET", "/livez", headers=sampled)
        unknown = pool.submit(other.request, "MYSECRET", "/livez", headers=sampled)
        with socket.create_connection(("127.0.0.1", other.http_port), timeout=10) as connection:
            head = b"POST /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head + b"0\r\n\r\n")
            chunked = b"".join(iter(lambda: connection.recv(65536), b""))
    response = known.result()
    assert (response.status, response.json()["code"]) == (503, "unavailable")
    assert response.headers["Retry-After"] == "1"
    trace = _trace(stack, trace_id).json()
    assert (trace["status"], trace["processes"]) == (503, ["load-balancer"])
    assert unknown.result().status == 503
    assert wait_until(lambda: _trace(stack, trace_id).text.count('"id"') == 4, timeout_s=10)
    assert "MYSECRET" not in _trace(stack, trace_id).text  # check 55
    assert chunked.startswith(b"HTTP/1.1 503 ")  # check 52
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body",
    [
        b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n123456\r\n",
    ],
    ids=["no number", "longer than it says"],
)
def test_malformed_request_bodies_do_not_affect_other_clients(
    stack: LocalStack, body: bytes
) -> None:
    """The client gets 400. The load balancer does not mark the app process as down."""
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    for _ in range(5):
        response = _first_part(stack.http_port, head + body)
        assert response.startswith(b"HTTP/1.1 400 ")
        assert b'"code":"malformed-request"' in response
        assert stack.request("GET", "/livez").status == 200


def test_content_length_with_transfer_encoding_ends_the_connection(stack: LocalStack) -> None:
    """Caddy uses Transfer-Encoding, and does not process a second request on the connection.

    RFC 9112, section 6.1, also allows the response 400, but Caddy cannot send it.
    """
    smuggled = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = (
        b"POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", stack.http_port), timeout=10) as connection:
        connection.sendall(head + b"2\r\n{}\r\n0\r\n\r\n" + smuggled)
        response = b"".join(iter(lambda: connection.recv(65536), b""))
    assert response.startswith(b"HTTP/1.1 422 ")
    assert response.count(b"HTTP/1.1 ") == 1  # check 52


_GET = b"GET /livez HTTP/1.1\r\nHost: localhost\r\n"
_PLAIN_TEXT_RESPONSES = {
    "two Content-Length headers that differ": (
        _GET + b"Content-Length: 1\r\nContent-Length: 2",
        400,
    ),
    "two Host headers": (_GET + b"Host: b", 400),
    "a Host header with a space": (b"GET / HTTP/1.1\r\nHost: a b", 400),
    "HTTP/1.1 without a Host header": (b"GET / HTTP/1.1\r\nX: y", 400),
    "a first line without a path": (b"GET\r\nHost: localhost", 400),
    "a Content-Length that is not a number": (_GET + b"Content-Length: abc", 400),
    "a header line without a colon": (_GET + b"X", 400),
    "a header name with a space": (_GET + b"a b: c", 400),
    "a control character in a header value": (_GET + b"X: a\x01b", 400),
    "a path with a broken percent-encoding": (b"GET /%zz HTTP/1.1\r\nHost: localhost", 400),
    "HTTPS on the port for HTTP": (b"\x16\x03\x01\x00\x05hello", 400),
    "HTTP on the port for HTTPS": (_GET, 400),
    "an expectation other than 100-continue": (_GET + b"Expect: 5", 417),
    "a header section of more than 36 KiB": (_GET + b"X: " + b"a" * 40_000, 431),
    "a transfer coding other than chunked": (_GET + b"Transfer-Encoding: gzip, chunked", 501),
    "a version of HTTP other than 1.0 and 1.1": (b"GET / HTTP/3.7\r\nHost: localhost", 505),
}


@pytest.mark.parametrize("kind", list(_PLAIN_TEXT_RESPONSES))
def test_the_plain_text_responses_of_the_load_balancer_are_documented(
    stack: LocalStack, kind: str
) -> None:
    """docs/promises.md lists each of these responses with its status."""
    sent, status = _PLAIN_TEXT_RESPONSES[kind]
    port = stack.https_port if kind == "HTTP on the port for HTTPS" else stack.http_port
    response = _first_part(port, sent + b"\r\n\r\n")
    # The TLS layer responds with HTTP/1.0.
    assert re.match(rb"HTTP/1\.[01] %d " % status, response)
    assert b"problem+json" not in response
    page = (CHECKOUT / "docs" / "promises.md").read_text()
    assert f"| {kind} | {status} |" in page  # check 52


def test_the_span_of_the_load_balancer_has_no_path_query_host_or_address(stack: LocalStack) -> None:
    """The span also has none of the headers that the lab's page does not show, such as Referer."""
    marker, trace_id = token_hex(8), token_hex(16)
    headers = {
        "traceparent": f"00-{trace_id}-{token_hex(8)}-01",
        "tracestate": "roundtrip=always",
        "Host": f"{marker}.example",
        "X-Forwarded-For": marker,
        "Referer": marker,
    }
    assert stack.request("GET", f"/{marker}?{marker}={marker}", headers=headers).status == 400
    shown = '"stage":"load-balancer"'
    assert wait_until(lambda: shown in _trace(stack, trace_id).text, timeout_s=10)
    assert marker not in _trace(stack, trace_id).text  # check 55


def _trace(stack: LocalStack, trace_id: str) -> Response:
    return stack.request("GET", f"/lab/api/traces/{trace_id}")


@pytest.mark.parametrize(
    "head", [b"GET /livez HTTP/1.0\r\n\r\n", b"GET /livez HTTP/1.1\r\nHost:\r\n\r\n"]
)
def test_a_request_without_a_host_gets_a_problem(stack: LocalStack, head: bytes) -> None:
    """HTTP/1.0 does not require Host, and HTTP/1.1 allows an empty Host. Both get 400."""
    response = _first_part(stack.http_port, head)
    assert b" 400 " in response.partition(b"\r\n")[0]  # check 34
    assert b"application/problem+json" in response


def _first_part(port: int, sent: bytes) -> bytes:
    """Send bytes on a new connection, and return the first part of the response."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        return connection.recv(65536)


@pytest.mark.parametrize("method", ["FOO", "get", "TRACE", "PROPFIND", "M-SEARCH", "QUERY"])
def test_a_method_that_no_path_supports_gets_405_with_allow(stack: LocalStack, method: str) -> None:
    """Methods that HTTP does not define also get 405 (RFC 9110, section 15.5.6)."""
    response = stack.request(method, "/api/auth/login")
    assert (response.status, response.json()["code"]) == (405, "method-not-allowed")
    assert response.headers["Allow"] == "OPTIONS, POST"
    assert response.headers["Content-Type"] == "application/problem+json"
    assert stack.request(method, "/nothing").status == 404
