"""`make roll` under load: it replaces the processes, and no request fails."""

import time

import pytest

from lab.bench.load.traffic import traffic
from tests.e2e.local_stack import LocalStack
from tests.e2e.shoppers import Shop
from tests.machine import too_slow

ROLLS = 10
REQUESTS_PER_SECOND = 200
# The machine is too busy if requests take this long without a restart. It is also too busy if the
# sender is this late.
SLOW_MS = 500


@pytest.mark.alone
def test_no_request_fails_during_ten_rolling_restarts_at_200_requests_per_second(
    unlimited_stack: LocalStack,
) -> None:
    """The traffic has reads, orders and signups, on reused and on new connections."""
    shop = Shop.open(unlimited_stack.http_port, unlimited_stack.parts.libpq_url)
    with traffic(shop.visits(), rate=REQUESTS_PER_SECOND) as before:
        time.sleep(5)
    if before.percentile(99) >= SLOW_MS:
        too_slow(f"without a restart, {before.figures()}")
    with traffic(shop.visits(), rate=REQUESTS_PER_SECOND) as record:
        rolls = [_roll(unlimited_stack) for _ in range(ROLLS)]
    print(f"before: {before.figures()}")
    print(f"{ROLLS} rolls of {min(rolls):.1f} to {max(rolls):.1f} s: {record.figures()}")
    if record.max_lateness_seconds * 1000 >= SLOW_MS:
        too_slow(f"the sender itself was late: {record.figures()}")
    assert record.failures == {}  # check F14
    assert len(record.exchanges) > 0.95 * REQUESTS_PER_SECOND * sum(rolls)  # check F14


@pytest.mark.slow
def test_the_service_stays_ready_after_a_failed_or_killed_roll(own_stack: LocalStack) -> None:
    """A failed roll ends no process that serves. The next roll completes the replacement."""
    own_stack.start()
    serving = own_stack.identities()
    key = own_stack.directory / "token-signing-key"
    valid_key = key.read_text()
    key.write_text("no key")
    failed = own_stack.run("roll")
    assert failed.returncode == 1
    assert "app-1 did not become ready; the old one continues to serve" in failed.stdout
    assert serving["app-1"].process() is not None
    assert own_stack.request("GET", "/readyz").status == 200
    key.write_text(valid_key)
    killed = own_stack.spawn("roll")
    # After this time, a new process has started, and the old process may be about to end.
    time.sleep(3)
    killed.kill()
    killed.communicate()
    assert own_stack.request("GET", "/readyz").status == 200
    _roll(own_stack)
    assert own_stack.request("GET", "/readyz").status == 200
    assert own_stack.run("status").stdout.count("app-") == 2
    running = {identity.pid for identity in own_stack.identities().values() if identity.process()}
    assert not running & {serving[name].pid for name in ("app-1", "app-2", "worker")}


def _roll(stack: LocalStack) -> float:
    began = time.perf_counter()
    result = stack.run("roll")
    if result.returncode != 0:
        log = (stack.directory / "logs" / "stack.log").read_text()
        lines = [line for line in log.splitlines() if '"request"' not in line]
        pytest.fail("\n".join([result.stdout, *lines[-40:]]))
    return time.perf_counter() - began
