"""How a process ends that was told to: nobody is cut off, and the load balancer knows first."""

import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import psycopg
import pytest

from tests.accounts import Account, new_admin, sign_up
from tests.conftest import StartService
from tests.integration.faults import wait_for_lock
from tests.integration.shop import new_key, new_product, order
from tests.integration.wire import problem, raw_status
from tests.service import Service

pytestmark = pytest.mark.slow

GRACE_S = 15
"""As long as the processes of the local stack are given."""
REQUEST_S = 3.0
_LIVEZ = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"


@contextmanager
def _order_that_takes_its_time(service: Service, database_url: str) -> Iterator["Future[int]"]:
    """An order that waits for a lock of ours until REQUEST_S after it was sent."""
    admin, buyer = new_admin(service.client, database_url), sign_up(service.client)
    product = new_product(service.client, admin)
    with psycopg.connect(database_url) as busy, ThreadPoolExecutor(2) as threads:
        busy.execute("SELECT 1 FROM products WHERE id = %s FOR UPDATE", [product["id"]])

        def release() -> None:
            time.sleep(REQUEST_S)
            busy.rollback()

        sent = threads.submit(_status_of_order, service, buyer, product)
        wait_for_lock(busy)
        threads.submit(release)
        yield sent


def _status_of_order(service: Service, buyer: Account, product: dict[str, object]) -> int:
    with httpx2.Client(base_url=service.url, timeout=GRACE_S) as client:
        return order(client, buyer, (product, 1), key=new_key()).status_code


def _readiness(service: Service) -> httpx2.Response:
    """Ask on a connection of its own, which must be accepted for that."""
    return httpx2.get(f"{service.url}/readyz", timeout=5)


def _accepts(service: Service) -> bool:
    try:
        socket.create_connection(service.address(), timeout=1).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.mark.parametrize("drain_delay", [1.0, REQUEST_S + 1], ids=["after-closing", "before"])
def test_a_request_of_three_seconds_is_answered_by_a_process_that_was_told_to_end(
    start_service: StartService, database_url: str, drain_delay: float
) -> None:
    """Whether it ends after the sockets have been closed, or before: 201, and status 0."""
    service = start_service(DRAIN_DELAY=str(drain_delay))
    with _order_that_takes_its_time(service, database_url) as sent:
        told = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        while (answer := _readiness(service)).status_code == 200:
            assert time.monotonic() < told + drain_delay
        problem(answer, 503, "not-ready")  # check F15
        assert httpx2.get(f"{service.url}/livez").status_code == 200
        assert not sent.done()  # check F15
        while _accepts(service):
            time.sleep(0.02)
        closed = time.monotonic() - told
        assert sent.result() == 201  # check F15
        assert service.process.wait(GRACE_S) == 0  # check F15
    ended = time.monotonic() - told
    print(f"DRAIN_DELAY {drain_delay}: closed after {closed:.2f} s, ended after {ended:.2f} s")
    assert closed >= drain_delay
    assert ended < max(drain_delay, REQUEST_S) + GRACE_S / 3


def test_being_told_twice_changes_nothing(start_service: StartService, database_url: str) -> None:
    """Before the sockets are closed, and after: the request is answered, and the status is 0."""
    service = start_service(DRAIN_DELAY="0.5")
    with _order_that_takes_its_time(service, database_url) as sent:
        service.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        service.process.send_signal(signal.SIGTERM)
        while _accepts(service):
            time.sleep(0.02)
        service.process.send_signal(signal.SIGTERM)
        assert not sent.done()
        assert sent.result() == 201  # check F15
        assert service.process.wait(GRACE_S) == 0


def test_an_idle_connection_holds_nobody_up(start_service: StartService) -> None:
    """It is served while the process drains, and then closed in order."""
    service = start_service(DRAIN_DELAY="1")
    with socket.create_connection(service.address(), timeout=5) as connection:
        told = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        connection.sendall(_LIVEZ)
        answer = b""
        while not answer.endswith(b"}"):
            answer += connection.recv(65536)
        assert raw_status(answer) == 200
        assert connection.recv(65536) == b""
    assert service.process.wait(GRACE_S) == 0
    assert time.monotonic() < told + GRACE_S / 3
