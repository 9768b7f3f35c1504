"""The service under load while its servers are killed, frozen or stopped: `make faults`."""

import os
import random
import time
from collections.abc import Iterator
from itertools import cycle, islice

import pytest

from lab.stack.processes.waiting import wait_until
from tests.e2e.faults.journal import Journal
from tests.e2e.faults.report import Report
from tests.e2e.faults.scene import KINDS, RECOVERY_TIMEOUT_SECONDS, Scene, kill_and_wait
from tests.e2e.faults.single import FAULTS
from tests.e2e.faults.windows import Window
from tests.machine import too_slow

KILLS = int(os.environ.get("FAULTS_KILLS") or 10)
# A buyer's access token is valid for 15 minutes. So after this many kills, a new buyer continues.
KILLS_PER_BUYER = 25
PAUSE_SECONDS = (1, 3)
LAST_REQUESTS_SECONDS = 0.5
SETTLING_SECONDS = 2
# If requests take this long even without a fault, the machine is too busy.
SLOW_MS = 1000


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """A stack with its own data."""
    with Scene.open() as scene:
        yield scene


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> Iterator[Report]:
    """The rows of docs/faults.md.

    The page is written if FAULTS_REPORT is set, all tests have run, and none has failed.
    """
    report = Report.begin()
    yield report
    path = os.environ.get("FAULTS_REPORT")
    if path and report.is_complete and not request.session.testsfailed:
        report.write(path)
        print(f"\nThe page:  less {path}")


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_by_kills_in_random_order(
    scene: Scene, report: Report
) -> None:
    """No confirmed write is lost, no order is placed twice, and nothing is oversold."""
    print(f"{KILLS} kills; FAULTS_SEED={report.seed} repeats their order", flush=True)
    order = random.Random(report.seed)  # noqa: S311 - no secret
    victims = list(islice(cycle(KINDS), KILLS))
    order.shuffle(victims)
    for first in range(0, KILLS, KILLS_PER_BUYER):
        with scene.load() as journal:
            time.sleep(SETTLING_SECONDS)
            kills = [
                (kind, *_kill_one(scene, journal, kind, order))
                for kind in victims[first : first + KILLS_PER_BUYER]
            ]
        for kind, began, ended in kills:
            report.kills[kind].append(Window.of(journal.exchanges, began, ended))
        assert scene.audit(journal, deliveries=1 + victims.count("worker")) == {}  # check F32
        report.add(journal, scene.deliveries)
    assert report.writes["order confirmed"]
    assert report.writes["order refused"]


def _kill_one(
    scene: Scene, journal: Journal, kind: str, order: random.Random
) -> tuple[float, float]:
    """Kill a server of a kind, wait until writes succeed again, and pause.

    Return two times: of the kill, and of a moment shortly before the end of the pause.
    """
    server = order.choice(KINDS[kind](scene.servers))
    began = time.perf_counter()
    print(f"{server.name} is killed", flush=True)
    kill_and_wait(server)
    before = journal.answered_writes
    assert wait_until(lambda: journal.answered_writes > before, timeout_s=RECOVERY_TIMEOUT_SECONDS)
    time.sleep(order.uniform(*PAUSE_SECONDS) - LAST_REQUESTS_SECONDS)
    ended = time.perf_counter()
    # Requests in progress end before the next kill. Otherwise, they would count for both kills.
    time.sleep(LAST_REQUESTS_SECONDS)
    return began, ended


@pytest.mark.alone
@pytest.mark.parametrize("name", FAULTS)
def test_the_service_withstands_one_fault(scene: Scene, report: Report, name: str) -> None:
    """Requests fail only if `may_fail` is set for the fault. No confirmed write is lost."""
    fault = FAULTS[name]
    with scene.load() as journal:
        time.sleep(SETTLING_SECONDS)
        if journal.percentile(99) >= SLOW_MS:
            too_slow(f"without a fault, {journal.figures()}")
        began = time.perf_counter()
        print(fault.done, flush=True)
        fault.make(scene)
        time.sleep(SETTLING_SECONDS)
        ended = time.perf_counter()
    window = Window.of(journal.exchanges, began, ended)
    print(f"{window.failed} of {len(window.exchanges)} requests failed", flush=True)
    assert scene.audit(journal, deliveries=fault.max_deliveries) == {}  # check F13
    assert window.failed == 0 or fault.may_fail
    assert window.slowest_seconds <= fault.max_seconds
    report.faults[name] = window
