"""App processes are killed each second, while customers send orders and repeat failed ones."""

import asyncio
import json
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import cycle, islice
from typing import Any, LiteralString

import psycopg
import pytest

from lab.stack.control import running
from lab.stack.paths import Paths
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.apps import AppProcess
from lab.stack.servers.postgres import PostgresServer
from tests.e2e.calls import ConnectionPool
from tests.e2e.local_stack import LocalStack
from tests.e2e.shoppers import OPENING_STOCK, Shop
from tests.integration.shop import new_key

pytestmark = pytest.mark.slow

MIN_SECONDS = 15
# If the machine starts processes slowly, MIN_KILLS take more than MIN_SECONDS.
MIN_KILLS, MAX_SECONDS = 8, 60
CUSTOMERS = 8
CUSTOMER_TIMEOUT_SECONDS = 60
# After each of these responses, the contract allows the client to repeat the order with its key.
RETRYABLE = {502, 503, 504}
IN_FLIGHT = (409, "idempotency-in-flight")


@dataclass
class Log:
    """The order id for each idempotency key, and the errors that customers got."""

    orders: dict[str, int] = field(default_factory=dict)
    final_errors: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)


def test_orders_survive_processes_that_are_killed_each_second(unlimited_stack: LocalStack) -> None:
    """Each key has exactly one order, no confirmed order is lost, and the stock is correct."""
    database_url = PostgresServer(unlimited_stack.directory / "postgres").url
    shop = Shop.open(unlimited_stack.http_port, database_url)
    apps, over, log = running(Paths(unlimited_stack.directory)).apps, threading.Event(), Log()
    with ThreadPoolExecutor(1) as threads:
        buying = threads.submit(lambda: asyncio.run(_buy(shop, log, over)))
        try:
            kills = _kill_each_second(unlimited_stack, apps)
        finally:
            over.set()
        buying.result()
    print(f"{kills} kills, {len(log.orders)} orders, errors: {dict(log.errors)}")
    assert kills >= MIN_KILLS
    assert log.errors
    assert not log.final_errors
    assert wait_until(lambda: all(app.ready() for app in apps), timeout_s=20)  # check F13
    with psycopg.connect(database_url, autocommit=True) as database:
        _assert_consistent(database, shop, log)


def _assert_consistent(database: psycopg.Connection, shop: Shop, log: Log) -> None:
    def rows(query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        return database.execute(query, values).fetchall()

    in_transaction = (
        "SELECT pid FROM pg_stat_activity WHERE starts_with(state, 'idle in transaction')"
    )
    assert wait_until(lambda: not rows(in_transaction), timeout_s=2)  # check F13
    stored = dict(rows("SELECT key, location FROM idempotency_keys"))
    expected = {key: f"{shop.buyer.url}/orders/{order}" for key, order in log.orders.items()}
    assert stored == expected  # check F13
    created = rows("SELECT id FROM orders ORDER BY id")
    assert [order for (order,) in created] == sorted(log.orders.values())  # check F13
    (sold,) = rows("SELECT sum(quantity) FROM order_lines")[0]
    (stock,) = rows("SELECT stock FROM products WHERE id = %s", shop.product["id"])[0]
    assert (sold, sold + stock) == (len(log.orders), OPENING_STOCK)  # check F13


def _kill_each_second(stack: LocalStack, apps: list[AppProcess]) -> int:
    """Each second, kill the next process that serves. Return the number of kills."""
    kills, began, turns = 0, time.monotonic(), cycle(apps)
    for second in range(1, MAX_SECONDS + 1):
        if second > MIN_SECONDS and kills >= MIN_KILLS:
            break
        serving = [app for app in islice(turns, len(apps) + 1) if app.ready()]
        if serving:
            stack.kill(serving[0].name)
            kills += 1
        time.sleep(max(0, began + second - time.monotonic()))
    return kills


async def _buy(shop: Shop, log: Log, over: threading.Event) -> None:
    async def customer() -> None:
        pool = ConnectionPool()
        while not over.is_set():
            await _buy_one(pool, shop, log)
        pool.close()

    async with asyncio.TaskGroup() as customers:
        for _ in range(CUSTOMERS):
            customers.create_task(customer())


async def _buy_one(pool: ConnectionPool, shop: Shop, log: Log) -> None:
    key, deadline = new_key(), time.monotonic() + CUSTOMER_TIMEOUT_SECONDS
    while True:
        try:
            status, body = await pool.send(shop.order(key))
        except (OSError, EOFError) as error:
            status, body = 503, json.dumps({"code": type(error).__name__})
        content = json.loads(body)
        if status == 201:
            log.orders[key] = content["id"]
            return
        log.errors[f"{status} {content['code']}"] += 1
        if not (status in RETRYABLE or (status, content["code"]) == IN_FLIGHT):
            log.final_errors.append(body)
            return
        assert time.monotonic() < deadline, log.errors
        await asyncio.sleep(0.1)
