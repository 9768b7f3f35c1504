"""Overload, slow clients, and clients that disconnect."""

import secrets
import socket
import time
from functools import partial

import httpx2
import pytest

from tests.accounts import Account, sign_up, signup_body
from tests.conftest import StartService
from tests.integration.wire import at_once, log_lines, problem, raw_status, statuses
from tests.service import Service

REQUEST_HEAD = b"POST /api/users HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def limited(start_service: StartService) -> Service:
    """A service with one password thread, a queue of two, and a short deadline."""
    return start_service(
        PASSWORD_THREADS="1",
        PASSWORD_QUEUE="2",
        REQUEST_TIMEOUT="1",
        DATABASE_STATEMENT_TIMEOUT="0.5",
    )


def test_a_full_password_queue_means_503_overloaded(limited: Service) -> None:
    """Some requests succeed. The others get 503 with Retry-After, and no request waits for long."""
    bodies = [signup_body() for _ in range(12)]
    started = time.perf_counter()
    responses = at_once([partial(limited.client.post, "/api/users", json=body) for body in bodies])
    assert time.perf_counter() - started < 2
    assert set(statuses(responses)) == {201, 503}
    for response in responses:
        if response.status_code == 503:
            problem(response, 503, "overloaded")
            assert int(response.headers["Retry-After"]) >= 1
    sign_up(limited.client)


def test_reads_succeed_while_the_password_queue_is_full(
    limited: Service, shared_user: Account
) -> None:
    """Password hashing has its own threads, so it does not block other requests."""
    signups = [partial(limited.client.post, "/api/users", json=signup_body()) for _ in range(6)]
    read = partial(limited.client.get, shared_user.url, headers=shared_user.auth)
    responses = at_once([*signups, *[read] * 6])
    assert statuses(responses[6:]) == {200: 6}


@pytest.mark.parametrize(
    "sent",
    [
        b"Content-Length: 100\r\n\r\n",
        b'Content-Length: 100\r\n\r\n{"name":',
        b"Transfer-Encoding: chunked\r\n\r\n5\r\n{    \r\n",
    ],
    ids=["nothing", "half", "chunked"],
)
def test_a_body_that_does_not_arrive_gets_408(limited: Service, sent: bytes) -> None:
    """The request deadline includes the time in which the client sends the body."""
    with socket.create_connection(limited.address(), timeout=5) as connection:
        started = time.perf_counter()
        connection.sendall(REQUEST_HEAD + sent)
        response = connection.recv(65536)
        while b"}" not in response:
            response += connection.recv(65536)
        assert raw_status(response) == 408
        assert 0.9 < time.perf_counter() - started < 2
        assert b"application/problem+json" in response
        assert b"request-timeout" in response


def test_a_client_that_sends_slowly_does_not_extend_the_deadline(limited: Service) -> None:
    """The deadline does not start again with each byte of the body."""
    with socket.create_connection(limited.address(), timeout=5) as connection:
        started = time.perf_counter()
        connection.sendall(REQUEST_HEAD + b"Content-Length: 100\r\n\r\n")
        connection.settimeout(0.2)
        response = b""
        while not response and time.perf_counter() - started < 3:
            connection.sendall(b" ")
            try:
                response = connection.recv(65536)
            except TimeoutError:
                continue
        assert raw_status(response) == 408
        assert time.perf_counter() - started < 2


def test_clients_that_disconnect_cause_no_errors(service: Service) -> None:
    """Clients leave before the end of the body. No error is logged, and a later signup succeeds."""
    ids = [f"gone-{number:02}-{secrets.token_hex(4)}" for number in range(20)]
    for number, request_id in enumerate(ids):
        body = b'{"name":"A","email":"a%d@example.com","password":"xxxxxxxxxxxxxxx"}' % number
        head = REQUEST_HEAD + b"X-Request-ID: %b\r\nContent-Length: %d\r\n\r\n" % (
            request_id.encode(),
            len(body),
        )
        with socket.create_connection(service.address(), timeout=5) as connection:
            connection.sendall(head + body[: number * len(body) // len(ids)])
            time.sleep(0.005)
    for request_id in ids:
        lines = log_lines(service, request_id)
        assert [line["event"] for line in lines] == ["request"]  # check F12
        assert lines[0]["level"] == "info"
        assert lines[0]["status"] < 500
    assert service.client.post("/api/users", json=signup_body()).status_code == 201


def test_clients_that_disconnect_during_the_work_cause_no_errors(
    service: Service, shared_user: Account
) -> None:
    """Reads succeed afterwards, and no unexpected error is logged."""
    body = b'{"email":"nobody@example.com","password":"xxxxxxxxxxxxxxx"}'
    login = (
        b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    before = len(service.log.read_text())
    for _ in range(30):
        with socket.create_connection(service.address(), timeout=5) as connection:
            connection.sendall(login)
    read = partial(service.client.get, shared_user.url, headers=shared_user.auth)
    assert statuses(at_once([read] * 30)) == {200: 30}  # check F12
    log = service.log.read_text()[before:]
    assert "unexpected_error" not in log
    assert "Traceback" not in log


def test_silent_connections_do_not_delay_other_requests(
    service: Service, client: httpx2.Client
) -> None:
    """A hundred connections with incomplete requests are open during the other requests."""
    sockets = [socket.create_connection(service.address(), timeout=5) for _ in range(100)]
    try:
        for number, silent in enumerate(sockets):
            silent.sendall(REQUEST_HEAD[: number % len(REQUEST_HEAD)])
        started = time.perf_counter()
        for _ in range(20):
            assert client.get("/livez").status_code == 200
        assert time.perf_counter() - started < 5
    finally:
        for silent in sockets:
            silent.close()
