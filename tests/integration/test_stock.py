"""Stock: what is sold is there, what is there is sold once, and what is cancelled comes back."""

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
CONNECTION_WAIT_S = 5.0
"""DATABASE_POOL_TIMEOUT: what waits longer for a connection gets 503."""


@pytest.fixture(scope="module")
def workers(service: Service, start_service: StartService) -> list[Service]:
    """Two processes of the service, with the settings it comes with."""
    return [service, start_service()]


@pytest.mark.alone
def test_a_thousand_buyers_of_a_hundred_pieces_get_a_hundred(
    client: httpx2.Client, admin: Account, workers: list[Service], database: psycopg.Connection
) -> None:
    """All at once, to two processes: the last piece is sold, and no buyer gets 503."""
    product = new_product(client, admin, stock=100)
    people = [sign_up(client) for _ in range(4)]
    at = itertools.cycle(itertools.product([worker.address() for worker in workers], people))
    orders = [_order(address, buyer, product) for address, buyer in itertools.islice(at, BUYERS)]
    began = time.perf_counter()
    answers = asyncio.run(_all(orders))
    seconds = time.perf_counter() - began
    found = Counter((response.status_code, response.json().get("code")) for response in answers)
    print(f"{BUYERS} orders at once in {seconds:.1f} s: {dict(found)}")
    if seconds > CONNECTION_WAIT_S:
        too_slow(f"{BUYERS} orders took {seconds:.1f} s, and one waits {CONNECTION_WAIT_S} s")
    assert found == {(201, None): 100, (409, "out-of-stock"): BUYERS - 100}  # check F17
    assert stock_of(client, product) == 0  # check F17
    assert _sold(database, product["id"]) == 100
    made = {response.headers["Location"] for response in answers if response.is_success}
    assert len(made) == 100


async def _all(orders: list[Coroutine[None, None, httpx2.Response]]) -> list[httpx2.Response]:
    return await asyncio.gather(*orders)


async def _order(
    address: tuple[str, int], buyer: Account, product: dict[str, Any]
) -> httpx2.Response:
    """Send an order on a connection of its own. An HTTP client for each takes much longer."""
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
    row = database.execute(
        "SELECT coalesce(sum(quantity), 0) FROM order_lines JOIN orders ON id = order_id "
        "WHERE product_id = %s AND status <> 'cancelled'",
        [product_id],
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_orders_of_the_same_products_in_any_order_do_not_get_in_each_others_way(
    client: httpx2.Client, admin: Account, ahmed: Account, workers: list[Service]
) -> None:
    """They lock in one order, so that none waits for another that waits for it."""
    some = [(new_product(client, admin, stock=1000), 1) for _ in range(4)]
    before = [len(worker.log.read_text()) for worker in workers]
    calls = [
        partial(placed, worker.client, ahmed, *items)
        for worker in workers
        for items in itertools.permutations(some)
    ]
    assert statuses(at_once(calls)) == {201: 48}
    assert [stock_of(client, product) for product, _ in some] == [952] * 4
    for worker, start in zip(workers, before, strict=True):
        assert "transaction_retried" not in worker.log.read_text()[start:]


def test_selling_and_cancelling_at_once_loses_no_piece(
    client: httpx2.Client, admin: Account, ahmed: Account, workers: list[Service],
    database: psycopg.Connection,
) -> None:  # fmt: skip
    """What is sold and what is left are together what there was."""
    product, other = (new_product(client, admin, stock=30) for _ in range(2))

    def buy_and_think_again(worker: Service, number: int) -> None:
        items = [(product, 1 + number % 3), (other, 1)]
        response = order(worker.client, ahmed, *(items if number % 2 else items[::-1]))
        if response.status_code == 409:
            problem(response, 409, "out-of-stock")
        elif number % 4:
            url = response.headers["Location"]
            move(worker.client, ahmed, url, "cancelled").raise_for_status()

    at_once([partial(buy_and_think_again, workers[n % 2], n) for n in range(40)])
    for shown in (product, other):
        assert _sold(database, shown["id"]) + stock_of(client, shown) == 30


def test_an_order_and_a_new_count_do_not_overwrite_each_other(
    client: httpx2.Client, admin: Account, ahmed: Account
) -> None:
    """Whoever counts the shelf while it is sold from is told that their version is old."""
    product = new_product(client, admin, stock=10)
    etag = client.get(product_url(product)).headers["ETag"]
    placed(client, ahmed, (product, 4))
    headers = {**admin.auth, "If-Match": etag}
    stale = client.patch(product_url(product), json={"stock": 12}, headers=headers)
    problem(stale, 412, "precondition-failed")
    assert stock_of(client, product) == 6
    assert edit(client, admin, product, name="Renamed").json()["stock"] == 6


def test_the_table_itself_refuses_stock_below_zero(
    client: httpx2.Client, admin: Account, database: psycopg.Connection
) -> None:
    """Should the service ever be wrong, PostgreSQL is not."""
    product = new_product(client, admin, stock=1)
    with pytest.raises(psycopg.errors.CheckViolation, match="ck_products_stock_not_negative"):
        database.execute("UPDATE products SET stock = stock - 2 WHERE id = %s", [product["id"]])
