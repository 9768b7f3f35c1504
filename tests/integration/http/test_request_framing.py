"""The maximum size of a body, ambiguous or invalid lengths of bodies, and invalid Host headers."""

import json
import socket
from collections.abc import Iterator

import httpx2
import pytest

from tests.accounts import signup_body
from tests.integration.wire import JSON, exchange, problem, raw_status
from tests.service import Service


@pytest.mark.parametrize("size", [64 * 1024, 64 * 1024 + 1, 10**7])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_64_kib_gets_413(client: httpx2.Client, size: int, *, chunked: bool) -> None:
    """The limit is exact, with Content-Length and with chunked encoding."""
    content = json.dumps(signup_body()).encode().ljust(size)

    def pieces() -> Iterator[bytes]:
        for start in range(0, size, 8192):
            yield content[start : start + 8192]

    try:
        response = client.post("/api/users", content=pieces() if chunked else content, headers=JSON)
    except (httpx2.WriteError, httpx2.ReadError):
        # The service may close the connection before it has read ten megabytes. The client may
        # then miss the response.
        assert size == 10**7
        return
    if size > 64 * 1024:
        problem(response, 413, "content-too-large")  # check 28
    else:
        assert response.status_code == 201


@pytest.mark.parametrize("declared", [True, False])
def test_a_413_is_sent_before_the_whole_body_has_arrived(
    service: Service, *, declared: bool
) -> None:
    """A large Content-Length is refused at once, a chunked body when it exceeds the limit."""
    head = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    if declared:
        sent = head + b"Content-Length: 999999999\r\n\r\n"
    else:
        sent = head + b"Transfer-Encoding: chunked\r\n\r\n10001\r\n" + b" " * 0x10001 + b"\r\n"
    with socket.create_connection(service.address(), timeout=5) as connection:
        connection.sendall(sent)
        assert raw_status(connection.recv(65536)) == 413  # check 28


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 1e3\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    ],
)
def test_an_ambiguous_or_invalid_length_gets_400(service: Service, lines: bytes) -> None:
    """With such a length, a proxy and the service could disagree where the request ends."""
    head = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    assert raw_status(exchange(service, head + lines)) == 400  # check 33


@pytest.mark.parametrize("lines", [b"", b"Host:\r\n", b"Host: a\r\nHost: b\r\n"])
def test_a_missing_empty_or_double_host_gets_400(service: Service, lines: bytes) -> None:
    """RFC 9112, section 3.2: a request has exactly one Host, which is valid."""
    response = exchange(service, b"GET /livez HTTP/1.1\r\nConnection: close\r\n" + lines + b"\r\n")
    assert raw_status(response) == 400  # check 34
    assert b"malformed-host" in response
