"""App processes that are killed all the time, and customers who send again what got no answer."""

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

from lab.stack.apps import AppProcess
from lab.stack.control import running
from lab.stack.paths import Paths
from lab.stack.postgres import PostgresServer
from lab.stack.waiting import wait_until
from tests.e2e.calls import Wire
from tests.e2e.local_stack import LocalStack
from tests.e2e.shoppers import OPENING_STOCK, Shop
from tests.integration.shop import new_key

pytestmark = pytest.mark.slow

SECONDS = 15
# A machine that starts processes slowly gets longer for them.
KILLS, AT_MOST_SECONDS = 8, 60
CUSTOMERS = 8
PATIENCE_S = 60
# Each says, by the contract, that the same may be sent again under the same key.
AGAIN = {502, 503, 504}
IN_FLIGHT = (409, "idempotency-in-flight")


@dataclass
class Log:
    """What the customers know: the order that each key has got, and what they met on the way."""

    orders: dict[str, int] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    met: Counter[str] = field(default_factory=Counter)


def test_orders_survive_processes_that_are_killed_each_second(unlimited_stack: LocalStack) -> None:
    """Each key has one order, what was acknowledged is there, and the stock says the same."""
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
    print(f"{kills} kills, {len(log.orders)} orders, met on the way: {dict(log.met)}")
    assert kills >= KILLS
    assert log.met
    assert not log.refused
    assert wait_until(lambda: all(app.ready() for app in apps), timeout_s=20)  # check F13
    with psycopg.connect(database_url, autocommit=True) as database:
        _settled(database, shop, log)


def _settled(database: psycopg.Connection, shop: Shop, log: Log) -> None:
    def rows(query: LiteralString, *values: object) -> list[tuple[Any, ...]]:
        return database.execute(query, values).fetchall()

    in_transaction = (
        "SELECT pid FROM pg_stat_activity WHERE starts_with(state, 'idle in transaction')"
    )
    assert wait_until(lambda: not rows(in_transaction), timeout_s=2)  # check F13
    kept = dict(rows("SELECT key, location FROM idempotency_keys"))
    places = {key: f"{shop.buyer.url}/orders/{order}" for key, order in log.orders.items()}
    assert kept == places  # check F13
    made = rows("SELECT id FROM orders ORDER BY id")
    assert [order for (order,) in made] == sorted(log.orders.values())  # check F13
    (sold,) = rows("SELECT sum(quantity) FROM order_lines")[0]
    (left,) = rows("SELECT stock FROM products WHERE id = %s", shop.product["id"])[0]
    assert (sold, sold + left) == (len(log.orders), OPENING_STOCK)  # check F13


def _kill_each_second(stack: LocalStack, apps: list[AppProcess]) -> int:
    """Kill one of those that serve, in turn; how many there were."""
    kills, began, turns = 0, time.monotonic(), cycle(apps)
    for second in range(1, AT_MOST_SECONDS + 1):
        if second > SECONDS and kills >= KILLS:
            break
        serving = [app for app in islice(turns, len(apps) + 1) if app.ready()]
        if serving:
            stack.kill(serving[0].name)
            kills += 1
        time.sleep(max(0, began + second - time.monotonic()))
    return kills


async def _buy(shop: Shop, log: Log, over: threading.Event) -> None:
    async def customer() -> None:
        wire = Wire()
        while not over.is_set():
            await _buy_one(wire, shop, log)
        wire.close()

    async with asyncio.TaskGroup() as customers:
        for _ in range(CUSTOMERS):
            customers.create_task(customer())


async def _buy_one(wire: Wire, shop: Shop, log: Log) -> None:
    key, deadline = new_key(), time.monotonic() + PATIENCE_S
    while True:
        try:
            status, body = await wire.exchange(shop.order(key))
        except (OSError, EOFError) as error:
            status, body = 503, json.dumps({"code": type(error).__name__})
        answer = json.loads(body)
        if status == 201:
            log.orders[key] = answer["id"]
            return
        log.met[f"{status} {answer['code']}"] += 1
        if not (status in AGAIN or (status, answer["code"]) == IN_FLIGHT):
            log.refused.append(body)
            return
        assert time.monotonic() < deadline, log.met
        await asyncio.sleep(0.1)
