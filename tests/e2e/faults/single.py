"""The single faults. Each function makes a fault, and returns after the fault is healed."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from typing import NamedTuple

import redis

from lab.fault import servers as faults
from lab.stack.processes.faults import kill
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.server import Server
from tests.e2e.faults.scene import Scene, kill_and_wait
from tests.e2e.local_stack import wait_until_replaced
from tests.mailbox import running_mailbox

FREEZE_SECONDS = 15
"""Longer than the deadline of a request, 10 s."""
AWAY_SECONDS = 5
KILLS = 10


@contextmanager
def _healed_after(*servers: Server) -> Iterator[None]:
    """Heal the servers at the end of the block."""
    try:
        yield
    finally:
        for server in servers:
            faults.heal(server)


def _roll(scene: Scene) -> None:
    scene.stack.succeed("roll")


def _kill_apps_each_second(scene: Scene) -> None:
    apps = scene.servers.apps
    turns = cycle(apps)
    for _ in range(KILLS):
        assert wait_until(lambda: any(app.ready() for app in apps), timeout_s=60)
        next(app for app in islice(turns, len(apps) + 1) if app.ready()).kill()
        time.sleep(1)
    # The supervisor starts the processes again.
    assert wait_until(lambda: all(app.ready() for app in apps), timeout_s=60)


def _kill_everything_at_once(scene: Scene) -> None:
    stack = scene.servers
    victims = [*stack.apps, *stack.workers, stack.postgres, stack.valkey, stack.limits]
    before = [server.identity for server in victims]
    for process in [process for server in victims for process in server.processes]:
        kill(process)
    for server, identity in zip(victims, before, strict=True):
        wait_until_replaced(server, identity)


def _freeze_redis(scene: Scene) -> None:
    with _healed_after(scene.servers.valkey, scene.servers.limits):
        for server in (scene.servers.valkey, scene.servers.limits):
            faults.freeze_server(server)
        time.sleep(AWAY_SECONDS)


def _empty_redis(scene: Scene) -> None:
    for _ in range(AWAY_SECONDS):
        for url in (scene.servers.redis_url, scene.servers.rate_limit_redis_url):
            with redis.Redis.from_url(url) as client:
                client.flushall()
        time.sleep(1)


def _freeze_postgres(scene: Scene) -> None:
    with _healed_after(scene.servers.postgres):
        faults.freeze_server(scene.servers.postgres)
        time.sleep(FREEZE_SECONDS)


def _kill_collector(scene: Scene) -> None:
    kill_and_wait(scene.servers.collector)


def _stop_worker(scene: Scene) -> None:
    with _healed_after(*scene.servers.workers):
        for worker in scene.servers.workers:
            faults.stop(worker)
        time.sleep(AWAY_SECONDS)


def _stop_mail_server(scene: Scene) -> None:
    scene.mail_server.close()
    time.sleep(AWAY_SECONDS)
    scene.mail_server.enter_context(running_mailbox(scene.mailbox))


class Fault(NamedTuple):
    """A fault, and what it may do to the requests."""

    done: str
    promised: str
    make: Callable[[Scene], None]
    may_fail: bool = False
    """Whether requests may get 503 during the fault."""
    max_seconds: float = 20
    """The longest time until a response."""
    max_deliveries: int = 1
    """How often a message may arrive."""


FAULTS = {
    "rolling_restart": Fault("`make roll`", "no request fails", _roll),
    "killed_each_second": Fault(
        f"each second, an app process that serves is killed, {KILLS} times",
        "nothing is lost; a retry with the key is safe",
        _kill_apps_each_second,
        may_fail=True,
    ),
    "all_killed": Fault(
        "all app processes, the worker, PostgreSQL and both Valkey servers are killed at once",
        "nothing is lost; the service recovers without help",
        _kill_everything_at_once,
        may_fail=True,
        max_deliveries=3,
    ),
    "redis_frozen": Fault(
        f"both Valkey servers are frozen (SIGSTOP) for {AWAY_SECONDS} s",
        "no request fails",
        _freeze_redis,
    ),
    "redis_emptied": Fault(
        f"`FLUSHALL` on both Valkey servers, {AWAY_SECONDS} times", "no request fails", _empty_redis
    ),
    "postgres_frozen": Fault(
        f"PostgreSQL is frozen (SIGSTOP) for {FREEZE_SECONDS} s",
        "each request is answered within 12 s, because its deadline is 10 s; nothing is lost",
        _freeze_postgres,
        may_fail=True,
        max_seconds=12,
        max_deliveries=2,
    ),
    "collector_killed": Fault(
        "the collector of the traces is killed", "no request fails", _kill_collector
    ),
    "worker_stopped": Fault(
        f"the worker is stopped for {AWAY_SECONDS} s",
        "no request fails; each message is delivered once",
        _stop_worker,
    ),
    "smtp_away": Fault(
        f"the SMTP server refuses connections for {AWAY_SECONDS} s",
        "no request fails; each message is delivered once",
        _stop_mail_server,
    ),
}
