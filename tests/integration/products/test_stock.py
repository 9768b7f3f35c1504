"""Stock: no piece is sold twice, and a cancellation returns the pieces."""

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import Coroutine
from functools import partial
from typing import Any

import httpx2
import psycopg
import pytest

from tests.accounts import Account, sign_up
from tests.conftest import StartService
from tests.integration.shop import (
    basket,
    edit,
    move,
    new_product,
    order,
    placed,
    product_url,
    stock_of,
)
from tests.integration.wire import at_once, problem, statuses
from tests.machine import too_slow
from tests.service import Service

BUYERS = 1000
CONNECTION_WAIT_SECONDS = 5.0
"""The default of DATABASE_POOL_TIMEOUT. A longer wait for a connection gets 503."""


@pytest.fixture(scope="module")
def workers(service: Service, start_service: StartService) -> list[Service]:
    """Two processes of the service with default settings."""
    return [service, start_service()]


@pytest.mark.alone
def test_of_a_thousand_concurrent_orders_for_a_hundred_pieces_a_hundred_succeed(
    client: httpx2.Client, admin: Account, workers: list[Service], database: psycopg.Connection
) -> None:
    """The orders go to two processes. No piece is left, and no order gets 503."""
    product = new_product(client, admin, stock=100)
    buyers = [sign_up(client) for _ in range(4)]
    senders = itertools.cycle(itertools.product([worker.address() for worker in workers], buyers))
    orders = [
        _order(address, buyer, product) for address, buyer in itertools.islice(senders, BUYERS)
    ]
    began = time.perf_counter()
    responses = asyncio.run(_all(orders))
    seconds = time.perf_counter() - began
    found = Counter((response.status_code, response.json().get("code")) for response in responses)
    print(f"{BUYERS} orders at once in {seconds:.1f} s: {dict(found)}")
    if seconds > CONNECTION_WAIT_SECONDS:
        too_slow(f"{BUYERS} orders took {seconds:.1f} s (limit {CONNECTION_WAIT_SECONDS} s)")
    assert found == {(201, None): 100, (409, "out-of-stock"): BUYERS - 100}  # check F17
    assert stock_of(client, product) == 0  # check F17
    assert _sold(database, product["id"]) == 100
    made = {response.headers["Location"] for response in responses if response.is_success}
    assert len(made) == 100


async def _all(orders: list[Coroutine[None, None, httpx2.Response]]) -> list[httpx2.Response]:
    return await asyncio.gather(*orders)


async def _order(
    address: tuple[str, int], buyer: Account, product: dict[str, Any]
) -> httpx2.Response:
    """Send an order on a new socket. A new HTTP client for each order would take much longer."""
    headers = {"Host": "x", "Connection": "close", **buyer.auth}
    request = httpx2.Request(
        "POST", f"http://x{buyer.url}/orders", headers=headers, json=basket((product, 1))
    )
    fields = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    reader, writer = await asyncio.open_connection(*address)
    writer.write(f"POST {request.url.path} HTTP/1.1\r\n{fields}\r\n".encode() + request.content)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    assert head, "the connection was closed without a response"
    status, *received = head.decode().split("\r\n")
    return httpx2.Response(
        int(status.split()[1]), headers=dict(it.split(": ", 1) for it in received), content=body
    )


def _sold(database: psycopg.Connection, product_id: int) -> int:
    (row,) = database.execute(
        "SELECT coalesce(sum(quantity), 0) FROM order_lines JOIN orders ON id = order_id "
        "WHERE product_id = %s AND status <> 'cancelled'",
        [product_id],
    )
    return int(row[0])


def test_orders_of_the_same_products_in_any_sequence_do_not_deadlock(
    client: httpx2.Client, admin: Account, ahmed: Account, workers: list[Service]
) -> None:
    """Every transaction locks the products in the same sequence."""
    items_to_order = [(new_product(client, admin, stock=1000), 1) for _ in range(4)]
    before = [len(worker.log.read_text()) for worker in workers]
    calls = [
        partial(placed, worker.client, ahmed, *items)
        for worker in workers
        for items in itertools.permutations(items_to_order)
    ]
    assert statuses(at_once(calls)) == {201: 48}
    assert [stock_of(client, product) for product, _ in items_to_order] == [952] * 4
    for worker, start in zip(workers, before, strict=True):
        assert "transaction_retried" not in worker.log.read_text()[start:]


def test_concurrent_orders_and_cancellations_lose_no_piece(
    client: httpx2.Client, admin: Account, ahmed: Account, workers: list[Service],
    database: psycopg.Connection,
) -> None:  # fmt: skip
    """Sold pieces and pieces in stock add up to the initial stock."""
    product, other = (new_product(client, admin, stock=30) for _ in range(2))

    def order_and_maybe_cancel(worker: Service, number: int) -> None:
        items = [(product, 1 + number % 3), (other, 1)]
        response = order(worker.client, ahmed, *(items if number % 2 else items[::-1]))
        if response.status_code == 409:
            problem(response, 409, "out-of-stock")
        elif number % 4:
            url = response.headers["Location"]
            move(worker.client, ahmed, url, "cancelled").raise_for_status()

    at_once([partial(order_and_maybe_cancel, workers[n % 2], n) for n in range(40)])
    for shown in (product, other):
        assert _sold(database, shown["id"]) + stock_of(client, shown) == 30


def test_an_order_and_a_stock_change_do_not_overwrite_each_other(
    client: httpx2.Client, admin: Account, ahmed: Account
) -> None:
    """An administrator who sets the stock with an ETag from before the order gets 412."""
    product = new_product(client, admin, stock=10)
    etag = client.get(product_url(product)).headers["ETag"]
    placed(client, ahmed, (product, 4))
    headers = {**admin.auth, "If-Match": etag}
    stale = client.patch(product_url(product), json={"stock": 12}, headers=headers)
    problem(stale, 412, "precondition-failed")
    assert stock_of(client, product) == 6
    assert edit(client, admin, product, name="Renamed").json()["stock"] == 6


def test_a_constraint_refuses_stock_below_zero(
    client: httpx2.Client, admin: Account, database: psycopg.Connection
) -> None:
    """PostgreSQL refuses a stock below zero even if the service has a defect."""
    product = new_product(client, admin, stock=1)
    with pytest.raises(psycopg.errors.CheckViolation, match="ck_products_stock_not_negative"):
        database.execute("UPDATE products SET stock = stock - 2 WHERE id = %s", [product["id"]])
