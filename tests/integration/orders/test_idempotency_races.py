"""Idempotency keys in concurrent requests, and after their expiry."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import httpx2
import psycopg

from tests.accounts import Account
from tests.integration.faults import wait_for_lock
from tests.integration.shop import (
    assert_replay,
    basket,
    new_key,
    new_product,
    order,
    orders_of,
    stock_of,
)
from tests.integration.wire import at_once, problem
from tests.service import Service

_EXPIRE = "UPDATE idempotency_keys SET expires_at = now() - interval '1 s' WHERE key = %s"


def test_50_concurrent_requests_with_one_key_place_one_order(
    client: httpx2.Client, ahmed: Account, admin: Account
) -> None:
    """The other requests get a replay, or 409 while the first request is in progress."""
    product, key = new_product(client, admin, stock=100), new_key()
    responses = at_once([partial(order, client, ahmed, (product, 1), key=key)] * 50)
    made = [response for response in responses if response.status_code == 201]
    first = [response for response in made if "Idempotency-Replayed" not in response.headers]
    assert len(first) == 1  # check F20
    for response in responses:
        if response.status_code == 201 and response is not first[0]:
            assert_replay(response, first[0])  # check F20
        elif response is not first[0]:
            problem(response, 409, "idempotency-in-flight")  # check F20
    assert stock_of(client, product) == 99  # check F20
    assert len(orders_of(client, ahmed)) == 1
    assert_replay(order(client, ahmed, (product, 1), key=key), first[0])


def test_the_key_of_an_order_in_progress_gets_409_at_once(
    client: httpx2.Client, ahmed: Account, admin: Account, database_url: str
) -> None:
    """The second request does not wait for the first. Orders with other keys are not affected."""
    product, free, key = new_product(client, admin), new_product(client, admin), new_key()
    with psycopg.connect(database_url) as holder, ThreadPoolExecutor(1) as threads:
        holder.execute("SELECT 1 FROM products WHERE id = %s FOR UPDATE", [product["id"]])
        first = threads.submit(order, client, ahmed, (product, 1), key=key)
        wait_for_lock(holder)
        refused = order(client, ahmed, (product, 1), key=key)
        problem(refused, 409, "idempotency-in-flight")
        assert order(client, ahmed, (free, 1), key=new_key()).status_code == 201
        assert not first.done()
        holder.rollback()
        assert first.result().status_code == 201
    assert_replay(order(client, ahmed, (product, 1), key=key), first.result())


def test_an_expired_key_can_be_used_for_a_new_order(
    client: httpx2.Client, ahmed: Account, admin: Account, database: psycopg.Connection
) -> None:
    """A key expires after 24 hours. Then a request with another body may use it."""
    product, key = new_product(client, admin), new_key()
    first = order(client, ahmed, (product, 1), key=key)
    ((lifetime,),) = database.execute(
        "SELECT expires_at - now() FROM idempotency_keys WHERE key = %s", [key]
    )
    assert timedelta(hours=23, minutes=59) < lifetime <= timedelta(hours=24)
    database.execute(_EXPIRE, [key])
    second = order(client, ahmed, (product, 2), key=key)
    assert second.status_code == 201, second.text
    assert "Idempotency-Replayed" not in second.headers
    assert second.headers["Location"] != first.headers["Location"]
    assert_replay(order(client, ahmed, (product, 2), key=key), second)


def test_an_expired_key_can_be_used_while_the_sweeper_deletes_it(
    client: httpx2.Client, ahmed: Account, admin: Account, database: psycopg.Connection,
    database_url: str,
) -> None:  # fmt: skip
    """The new order waits until the expired key's row is deleted, and then succeeds."""
    product, key = new_product(client, admin), new_key()
    order(client, ahmed, (product, 1), key=key)
    database.execute(_EXPIRE, [key])
    with psycopg.connect(database_url) as sweeper, ThreadPoolExecutor(1) as threads:
        sweeper.execute("DELETE FROM idempotency_keys WHERE key = %s", [key])
        second = threads.submit(order, client, ahmed, (product, 1), key=key)
        wait_for_lock(sweeper)
        sweeper.commit()
        assert second.result().status_code == 201, second.result().text
    assert stock_of(client, product) == 8


def test_a_client_that_disconnects_and_retries_with_its_key_gets_one_order(
    service: Service, client: httpx2.Client, ahmed: Account, admin: Account
) -> None:
    """Each key gets one order, whether the client disconnects during the request or afterwards."""
    product, keys = new_product(client, admin, stock=1000), [new_key() for _ in range(50)]
    body = json.dumps(basket((product, 1)))
    for number, key in enumerate(keys):
        head = (
            f"POST {ahmed.url}/orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {ahmed.token}\r\nIdempotency-Key: {key}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        request = (head + body).encode()
        with socket.create_connection(service.address(), timeout=5) as connection:
            connection.sendall(request[: len(request) - max(0, 20 - number)])
            time.sleep(0.0005 * number)
    for key in keys:
        deadline = time.monotonic() + 5
        while (again := order(client, ahmed, (product, 1), key=key)).status_code == 409:
            problem(again, 409, "idempotency-in-flight")
            assert time.monotonic() < deadline
        assert again.status_code == 201, again.text
    assert len(orders_of(client, ahmed)) == 50  # check F12
    assert stock_of(client, product) == 950  # check F12
