"""Of many who ask at once for what nobody has read yet, one asks the database."""

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
from tests.integration.faults import wait_for_lock
from tests.integration.shop import new_product, product_url
from tests.integration.wire import statuses
from tests.service import Service

pytestmark = pytest.mark.slow

CLIENTS = 100


@pytest.fixture(scope="module")
def impatient(start_service: StartService) -> Service:
    """A service that gives up soon."""
    return start_service(REDIS_TIMEOUT="2", REQUEST_TIMEOUT="3", DATABASE_STATEMENT_TIMEOUT="2.5")


@pytest.fixture(scope="module")
def crowd(start_service: StartService) -> Iterator[httpx2.Client]:
    """Speaks HTTP for many at once, to a service that has time for them."""
    service = start_service(REDIS_TIMEOUT="2")
    limits = httpx2.Limits(max_connections=CLIENTS)
    with httpx2.Client(base_url=service.url, limits=limits, timeout=20) as client:
        yield client


@contextmanager
def _locked(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE products IN ACCESS EXCLUSIVE MODE")
        yield holder
        holder.rollback()


def _waiting(holder: psycopg.Connection) -> int:
    holder.execute("SELECT pg_stat_clear_snapshot()")
    row = holder.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'roundtrip' "
        "AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_a_hundred_who_ask_at_once_cost_one_query(
    crowd: httpx2.Client, client: httpx2.Client, admin: Account, database_url: str
) -> None:
    """One miss, and hits for all others, with the same bytes."""
    product = new_product(client, admin)
    call = partial(crowd.get, product_url(product))
    with ThreadPoolExecutor(CLIENTS) as threads:
        with _locked(database_url) as holder:
            asking = [threads.submit(call) for _ in range(CLIENTS)]
            wait_for_lock(holder)
            # Long enough for all to have come, and short enough for all to wait for the one.
            time.sleep(1.2)
            assert _waiting(holder) == 1
        found = [it.result() for it in asking]
    assert statuses(found) == {200: CLIENTS}
    outcomes = [response.headers["X-Cache"] for response in found]
    assert (outcomes.count("miss"), outcomes.count("hit")) == (1, CLIENTS - 1)
    assert {response.content for response in found} == {client.get(product_url(product)).content}


def test_what_goes_wrong_goes_wrong_for_all_and_is_not_kept(
    impatient: Service, client: httpx2.Client, admin: Account, database_url: str
) -> None:
    """One query that Postgres gives up, a 503 for everybody who waited; then all is well."""
    product = new_product(client, admin)
    call = partial(httpx2.get, impatient.url + product_url(product), timeout=20)
    with ThreadPoolExecutor(20) as threads, _locked(database_url) as holder:
        asking = [threads.submit(call) for _ in range(20)]
        wait_for_lock(holder)
        time.sleep(0.5)
        assert _waiting(holder) == 1
        found = [it.result() for it in asking]
    assert statuses(found) == {503: 20}
    assert impatient.client.get(product_url(product)).json() == product


def test_who_stops_waiting_does_not_end_it_for_the_others(
    impatient: Service, client: httpx2.Client, admin: Account, database_url: str
) -> None:
    """The first to ask, whose query it is, hangs up."""
    path = product_url(new_product(client, admin))
    with ThreadPoolExecutor(9) as threads:
        with _locked(database_url) as holder:
            with socket.create_connection(impatient.address()) as gone:
                gone.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                wait_for_lock(holder)
            call = partial(httpx2.get, impatient.url + path, timeout=20)
            asking = [threads.submit(call) for _ in range(9)]
            time.sleep(0.3)
            assert _waiting(holder) == 1
        found = [it.result() for it in asking]
    assert statuses(found) == {200: 9}
    assert {response.headers["X-Cache"] for response in found} == {"hit"}
