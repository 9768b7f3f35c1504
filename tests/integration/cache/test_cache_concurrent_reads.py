"""Concurrent requests for the same uncached read run one query."""

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import httpx2
import psycopg
import pytest

from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.faults import wait_for_lock, waiting_for_lock
from tests.integration.shop import new_product, product_url
from tests.integration.wire import statuses
from tests.service import Service

pytestmark = pytest.mark.slow

CLIENT_COUNT = 100


@pytest.fixture(scope="module")
def short_deadlines(start_service: StartService) -> Service:
    """A service with short timeouts."""
    return start_service(REDIS_TIMEOUT="2", REQUEST_TIMEOUT="3", DATABASE_STATEMENT_TIMEOUT="2.5")


@pytest.fixture(scope="module")
def many_clients(start_service: StartService) -> Iterator[httpx2.Client]:
    """An HTTP client with many connections. Its service has the default request timeout."""
    service = start_service(REDIS_TIMEOUT="2")
    limits = httpx2.Limits(max_connections=CLIENT_COUNT)
    with httpx2.Client(base_url=service.url, limits=limits, timeout=20) as client:
        yield client


@contextmanager
def _locked(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
        yield holder
        holder.rollback()


def test_a_hundred_concurrent_requests_run_one_query(
    many_clients: httpx2.Client, client: httpx2.Client, admin: Account, database_url: str
) -> None:
    """One request is a miss and all others are hits, with the same bytes."""
    product = new_product(client, admin)
    call = partial(many_clients.get, product_url(product))
    with ThreadPoolExecutor(CLIENT_COUNT) as threads:
        with _locked(database_url) as holder:
            pending = [threads.submit(call) for _ in range(CLIENT_COUNT)]
            wait_for_lock(holder)
            # In this time, all requests arrive, and none of them times out.
            time.sleep(1.2)
            assert waiting_for_lock(holder) == 1
        found = [it.result() for it in pending]
    assert statuses(found) == {200: CLIENT_COUNT}
    outcomes = [response.headers["X-Cache"] for response in found]
    assert (outcomes.count("miss"), outcomes.count("hit")) == (1, CLIENT_COUNT - 1)
    assert {response.content for response in found} == {client.get(product_url(product)).content}


def test_a_failed_query_fails_all_waiting_requests_and_is_not_cached(
    short_deadlines: Service, client: httpx2.Client, admin: Account, database_url: str
) -> None:
    """PostgreSQL cancels the shared query, so all requests get 503. The next request succeeds."""
    product = new_product(client, admin)
    call = partial(httpx2.get, short_deadlines.url + product_url(product), timeout=20)
    with ThreadPoolExecutor(20) as threads, _locked(database_url) as holder:
        pending = [threads.submit(call) for _ in range(20)]
        wait_for_lock(holder)
        time.sleep(0.5)
        assert waiting_for_lock(holder) == 1
        found = [it.result() for it in pending]
    assert statuses(found) == {503: 20}
    assert short_deadlines.client.get(product_url(product)).json() == product


def test_a_client_that_disconnects_does_not_fail_the_other_requests(
    short_deadlines: Service, client: httpx2.Client, admin: Account, database_url: str
) -> None:
    """The client whose request started the query disconnects. All other requests get 200."""
    path = product_url(new_product(client, admin))
    with ThreadPoolExecutor(9) as threads:
        with _locked(database_url) as holder:
            with socket.create_connection(short_deadlines.address()) as gone:
                gone.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                wait_for_lock(holder)
            call = partial(httpx2.get, short_deadlines.url + path, timeout=20)
            pending = [threads.submit(call) for _ in range(9)]
            time.sleep(0.3)
            assert waiting_for_lock(holder) == 1
        found = [it.result() for it in pending]
    assert statuses(found) == {200: 9}
    assert {response.headers["X-Cache"] for response in found} == {"hit"}
