"""The shutdown of a process: readiness fails first, and every open request is answered."""

import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import psycopg
import pytest

from tests.accounts import new_admin, sign_up
from tests.conftest import StartService
from tests.integration.faults import wait_for_lock
from tests.integration.shop import new_key, new_product, order
from tests.integration.wire import problem, raw_status
from tests.service import Service

pytestmark = pytest.mark.slow

GRACE_SECONDS = 15
"""The local stack waits this long before it kills a process."""
REQUEST_SECONDS = 3.0
_LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def _slow_order(service: Service, database_url: str) -> Iterator[Future[httpx2.Response]]:
    """Send an order that waits for a lock, which the test releases after REQUEST_SECONDS."""
    admin, buyer = new_admin(service.client, database_url), sign_up(service.client)
    product = new_product(service.client, admin)
    with psycopg.connect(database_url) as holder, ThreadPoolExecutor(2) as threads:
        holder.execute("SELECT 1 FROM products WHERE id = %s FOR UPDATE", [product["id"]])

        def release() -> None:
            time.sleep(REQUEST_SECONDS)
            holder.rollback()

        sent = threads.submit(order, service.client, buyer, (product, 1), key=new_key())
        wait_for_lock(holder)
        threads.submit(release)
        yield sent


def _readiness(service: Service) -> httpx2.Response:
    """Request /readyz on a new connection."""
    return httpx2.get(f"{service.url}/readyz", timeout=5)


def _accepts(service: Service) -> bool:
    try:
        socket.create_connection(service.address(), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("drain_delay", [1.0, REQUEST_SECONDS + 1], ids=["after-closing", "before"])
def test_a_process_answers_a_request_of_three_seconds_after_sigterm(
    start_service: StartService, database_url: str, drain_delay: float
) -> None:
    """The request may end before or after the sockets close. The exit status is 0."""
    service = start_service(DRAIN_DELAY=str(drain_delay))
    with _slow_order(service, database_url) as sent:
        sigterm_at = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        while (response := _readiness(service)).status_code == 200:
            assert time.monotonic() < sigterm_at + drain_delay
        problem(response, 503, "not-ready")  # check F15
        assert httpx2.get(f"{service.url}/livez").status_code == 200
        assert not sent.done()  # check F15
        while _accepts(service):
            time.sleep(0.02)
        closed = time.monotonic() - sigterm_at
        assert sent.result().status_code == 201  # check F15
        assert service.process.wait(GRACE_SECONDS) == 0  # check F15
    ended = time.monotonic() - sigterm_at
    print(f"DRAIN_DELAY {drain_delay}: closed after {closed:.2f} s, ended after {ended:.2f} s")
    assert closed >= drain_delay
    assert ended < max(drain_delay, REQUEST_SECONDS) + GRACE_SECONDS / 3


def test_a_second_sigterm_changes_nothing(start_service: StartService, database_url: str) -> None:
    """SIGTERM is sent two more times: before the sockets close, and after they have closed.

    The request in progress still gets 201, and the exit status is still 0.
    """
    service = start_service(DRAIN_DELAY="0.5")
    with _slow_order(service, database_url) as sent:
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        service.process.send_signal(signal.SIGTERM)
        while _accepts(service):
            time.sleep(0.02)
        service.process.send_signal(signal.SIGTERM)
        assert not sent.done()
        assert sent.result().status_code == 201  # check F15
        assert service.process.wait(GRACE_SECONDS) == 0


def test_an_idle_connection_does_not_delay_the_shutdown(start_service: StartService) -> None:
    """The process serves an idle connection while it drains, and then closes the connection."""
    service = start_service(DRAIN_DELAY="1")
    with socket.create_connection(service.address(), timeout=5) as connection:
        sigterm_at = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        connection.sendall(_LIVEZ)
        response = b""
        while not response.endswith(b"}"):
            response += connection.recv(65536)
        assert raw_status(response) == 200
        assert connection.recv(65536) == b""
    assert service.process.wait(GRACE_SECONDS) == 0
    assert time.monotonic() < sigterm_at + GRACE_SECONDS / 3
