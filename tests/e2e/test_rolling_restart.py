"""`make roll` under traffic: new processes take the place of old ones, and nobody notices."""

import time

import pytest

from lab.stack.postgres import PostgresServer
from tests.e2e.local_stack import LocalStack
from tests.e2e.shoppers import Shop
from tests.e2e.traffic import Record, traffic

ROLLS = 10
RATE = 200
# Who waits that long while nothing is restarted waits for a processor; so does a sender that is
# late by as much.
BUSY_MS = 500


@pytest.mark.alone
def test_ten_rolling_restarts_under_200_requests_a_second_fail_none_of_them(
    unlimited_stack: LocalStack,
) -> None:
    """Reads, orders and signups, on kept and on new connections."""
    shop = Shop.open(
        unlimited_stack.http_port, PostgresServer(unlimited_stack.directory / "postgres").url
    )
    with traffic(shop.visits(), rate=RATE) as before:
        time.sleep(5)
    _skip_if_busy(before, busy=before.percentile(99) >= BUSY_MS)
    with traffic(shop.visits(), rate=RATE) as record:
        rolls = [_roll(unlimited_stack) for _ in range(ROLLS)]
    print(f"before: {before.figures()}")
    print(f"{ROLLS} rolls of {min(rolls):.1f} to {max(rolls):.1f} s: {record.figures()}")
    _skip_if_busy(record, busy=bool(record.failures) and record.late * 1000 >= BUSY_MS)
    assert record.failures == {}  # check F14
    assert len(record.exchanges) > 0.95 * RATE * sum(rolls)  # check F14


def _skip_if_busy(record: Record, *, busy: bool) -> None:
    if busy:
        figures = record.figures()
        pytest.skip(f"This machine is too busy to tell; nothing has been proved: {figures}")


def _roll(stack: LocalStack) -> float:
    began = time.perf_counter()
    result = stack.run("roll")
    assert result.returncode == 0, result.stdout
    return time.perf_counter() - began
