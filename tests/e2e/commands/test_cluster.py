"""The service on a database under Patroni, while its primary is killed: `make cluster-test`."""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import psycopg
import pytest

from lab.bench.load.traffic import traffic
from lab.cluster.database import DatabaseCluster
from lab.stack.processes.waiting import wait_until
from tests.accounts import signup_body
from tests.conftest import migrate
from tests.e2e.faults.audit import Audit
from tests.e2e.faults.journal import Journal
from tests.e2e.faults.windows import Window
from tests.e2e.local_stack import LocalStack, read_until
from tests.integration.faults import wait_for_end_of_transactions
from tests.service import Service, running_service

pytestmark = [pytest.mark.cluster]

KILLS = int(os.environ.get("CLUSTER_KILLS") or 10)
# Of 20 requests, 13 are writes.
REQUESTS_PER_SECOND = 160
REPETITIONS_PER_SECOND = 80
MAX_PAUSE_SECONDS = 30
SETTLING_SECONDS = 3


@pytest.fixture(scope="module")
def cluster(scratch: Path) -> Iterator[DatabaseCluster]:
    """Three nodes with the service's tables."""
    cluster = DatabaseCluster(scratch / "cluster")
    with cluster.running():
        migrate(cluster.migrator_url)
        yield cluster


@pytest.fixture
def service(cluster: DatabaseCluster, redis_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service that uses the pooler of the primary."""
    settings = {**cluster.service_settings, "REDIS_URL": redis_url}
    with running_service(tmp_path / "service.log", settings) as service:
        yield service


def test_kills_of_the_primary_lose_no_confirmed_write(
    cluster: DatabaseCluster, service: Service
) -> None:
    """A kill ends the node's PostgreSQL, Patroni and PgBouncer. Writes work again within 30 s."""
    journal = Journal.open(service.address()[1], cluster.superuser_url)
    pauses = []
    with traffic(journal.calls(), rate=REQUESTS_PER_SECOND, record=journal):
        for number in range(1, KILLS + 1):
            pauses.append(_kill_the_primary(cluster, journal).pause_of_writes)
            print(f"kill {number}: no write for {pauses[-1]:.1f} s", flush=True)
    # The last requests may have failed because of the load, so they are repeated at a lower rate.
    with traffic(journal.repetitions(), rate=REPETITIONS_PER_SECOND, record=journal):
        assert wait_until(journal.is_settled, timeout_s=180)
    print(journal.figures(), flush=True)
    with psycopg.connect(cluster.superuser_url, autocommit=True) as database:
        wait_for_end_of_transactions(database)
        broken = Audit.of(journal, database).broken_promises()
    assert broken == {}, broken  # check F28
    assert max(pauses) <= MAX_PAUSE_SECONDS  # check F28


def _kill_the_primary(cluster: DatabaseCluster, journal: Journal) -> Window:
    """Kill the three servers of the primary, wait until writes succeed, and start them again.

    Return the requests from the kill until writes have worked again for some seconds.
    """
    primary = cluster.wait_until_complete()
    time.sleep(SETTLING_SECONDS)
    began = time.perf_counter()
    for server in primary:
        server.kill()
    before = journal.answered_writes
    assert wait_until(lambda: journal.answered_writes > before + 10, timeout_s=90)
    time.sleep(SETTLING_SECONDS)
    ended = time.perf_counter()
    assert wait_until(lambda: cluster.primary() not in {None, primary}, timeout_s=10)
    for server in primary:
        server.launch()
    return Window.of(journal.exchanges, began, ended)


def test_the_primary_of_a_stack_is_killed_and_healed(own_stack: LocalStack) -> None:
    """Signups work after the failover. Ctrl-C ends all processes."""
    assert "No cluster runs" in own_stack.run("fault", "node", "kill").stdout
    cluster = own_stack.spawn("cluster")
    try:
        read_until(cluster, "The service runs.")
        assert signs_up(own_stack)
        fault = partial(own_stack.run, "fault", "node")
        assert "node-1, node-2" in fault("kill", "node-9").stdout
        killed = fault("kill").stdout
        assert "Another node becomes the primary in about 20 s" in killed, killed
        assert "does not run" in fault("freeze", killed.partition(" ")[0]).stdout
        assert wait_until(lambda: signs_up(own_stack), timeout_s=60)
        assert "is frozen" in fault("freeze", "valkey-1").stdout
        assert signs_up(own_stack)
        assert fault("heal", "valkey-1").stdout == "valkey-1 runs again.\n"
        assert fault("heal").stdout == f"{killed.partition(' ')[0]} runs again.\n"
        assert "nothing to heal" in fault("heal").stdout
        own_stack.succeed("seed")
        assert "A cluster runs" in own_stack.run("reset").stdout
    finally:
        # On Ctrl-C, a terminal sends SIGINT to every process of the foreground group.
        os.killpg(cluster.pid, signal.SIGINT)
        output = cluster.communicate(timeout=120)[0]
    assert cluster.returncode == 0, output
    commands = [process.info["cmdline"] or [] for process in psutil.process_iter(["cmdline"])]
    assert [it for it in commands if str(own_stack.directory) in " ".join(it)] == []


def signs_up(stack: LocalStack) -> bool:
    """Return whether a signup succeeds."""
    return stack.request("POST", "/api/users", body=signup_body()).status == 201
