"""`make roll` under traffic: new processes take the place of old ones, and no request fails."""

import time

import pytest

from lab.stack.postgres import PostgresServer
from tests.e2e.local_stack import LocalStack
from tests.e2e.shoppers import Shop
from tests.e2e.traffic import traffic
from tests.machine import too_slow

ROLLS = 10
RATE = 200
# A request that takes this long while nothing is restarted waits for a processor, and so does a
# sender that sends this late.
SLOW_MS = 500


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
    if before.percentile(99) >= SLOW_MS:
        too_slow(f"without a restart, {before.figures()}")
    with traffic(shop.visits(), rate=RATE) as record:
        rolls = [_roll(unlimited_stack) for _ in range(ROLLS)]
    print(f"before: {before.figures()}")
    print(f"{ROLLS} rolls of {min(rolls):.1f} to {max(rolls):.1f} s: {record.figures()}")
    if record.late * 1000 >= SLOW_MS:
        too_slow(f"the sender itself was late: {record.figures()}")
    assert record.failures == {}  # check F14
    assert len(record.exchanges) > 0.95 * RATE * sum(rolls)  # check F14


@pytest.mark.slow
def test_a_roll_that_fails_or_is_killed_ends_no_process_that_serves(own_stack: LocalStack) -> None:
    """The next one repairs what it left."""
    own_stack.start()
    serving = own_stack.identities()
    key = own_stack.directory / "token-signing-key"
    good = key.read_text()
    key.write_text("no key")
    failed = own_stack.run("roll")
    assert failed.returncode == 1
    assert "app-1 did not become ready; the old one continues to serve" in failed.stdout
    assert serving["app-1"].process() is not None
    assert own_stack.request("GET", "/readyz").status == 200
    key.write_text(good)
    killed = own_stack.spawn("roll")
    # By then the new process has begun, and the old one may be about to end.
    time.sleep(3)
    killed.kill()
    killed.communicate()
    assert own_stack.request("GET", "/readyz").status == 200
    _roll(own_stack)
    assert own_stack.request("GET", "/readyz").status == 200
    assert own_stack.run("status").stdout.count("app-") == 2
    living = {identity.pid for identity in own_stack.identities().values() if identity.process()}
    assert not living & {serving["app-1"].pid, serving["app-2"].pid}


def _roll(stack: LocalStack) -> float:
    began = time.perf_counter()
    result = stack.run("roll")
    if result.returncode != 0:
        log = (stack.directory / "logs" / "stack.log").read_text()
        lines = [line for line in log.splitlines() if '"request"' not in line]
        pytest.fail("\n".join([result.stdout, *lines[-40:]]))
    return time.perf_counter() - began
