"""`lab cluster`: run the stack on servers that fail over, and kill the primary."""

import os
import subprocess
import sys
from functools import partial
from typing import Final

import click

from lab.cluster.database import DatabaseCluster, Machine
from lab.cluster.redis import SentinelRedis
from lab.stack.background import print_line
from lab.stack.control import FAILED, OK
from lab.stack.errors import AlreadyRunningError, InterruptedStartError, LabError
from lab.stack.keeper import Keeper
from lab.stack.paths import CHECKOUT, Paths
from lab.stack.processes.lock import Lock, is_held
from lab.stack.processes.signals import StopSignals
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.apps import migrate

_CHECK_INTERVAL_SECONDS: Final = 0.2
_HEAL_TIMEOUT_SECONDS: Final = 90.0
_report: Final = partial(print_line, sys.stdout)


@click.command(epilog="Example:  lab cluster kill")
@click.argument("action", type=click.Choice(["run", "kill", "heal"]), default="run")
@click.pass_obj
def cluster(paths: Paths, *, action: str) -> int:
    """Run the stack on three PostgreSQL nodes under Patroni, and three Valkeys under Sentinel.

    `kill` kills the processes of the primary's machine: PostgreSQL, Patroni and PgBouncer. Another
    node becomes the primary. `heal` starts them again. `run` stops with Ctrl-C.
    """
    if action == "run":
        return _run_with_lock(paths)
    if not is_held(paths.cluster_lock):
        raise LabError("No cluster runs. Start it:  make cluster")
    database = DatabaseCluster(paths.cluster)
    return _kill(database) if action == "kill" else _heal(database)


def _kill(database: DatabaseCluster) -> int:
    primary = database.primary()
    if primary is None:
        raise LabError("No node is the primary now. Try again in some seconds.")
    for server in primary:
        server.disable_restart()
    primary.kill()
    print(
        f"{primary.node.name} is killed. Another node becomes the primary in about 20 s.\n"
        "To start the killed one again:  .venv/bin/lab cluster heal"
    )
    return OK


def _heal(database: DatabaseCluster) -> int:
    killed = [it for it in database.machines if it.node.restart_disabled]
    for machine in killed:
        for server in machine:
            server.enable_restart()
    for machine in killed:
        if not wait_until(machine.node.ready, timeout_s=_HEAL_TIMEOUT_SECONDS):
            raise LabError(f"{machine.node.name} is not ready. Its log:  less {machine.node.log}")
        role = "is the primary again" if machine.node.is_primary else "follows the primary"
        print(f"{machine.node.name} runs again, and {role}.")
    if not killed:
        print("No machine is killed: there is nothing to heal.")
    return OK


def _run_with_lock(paths: Paths) -> int:
    paths.prepare()
    lock = Lock(paths.cluster_lock)
    if not lock.acquire():
        raise AlreadyRunningError("A cluster runs already. Ctrl-C in its terminal stops it.")
    try:
        return _run(DatabaseCluster(paths.cluster), SentinelRedis(paths.cluster))
    except InterruptedStartError as interruption:
        _report(str(interruption))
        return OK
    finally:
        lock.release()


def _run(database: DatabaseCluster, cache: SentinelRedis) -> int:
    signals = StopSignals()
    signals.listen()
    stopping = signals.stopping.is_set
    _report("Starting three PostgreSQL nodes, which takes about 20 s")
    kill_now = signals.kill_now.is_set
    with database.running(cancelled=stopping, kill_now=kill_now), cache.running():
        settings = {**database.service_settings, "REDIS_URL": cache.url}
        migration = {**os.environ, "DATABASE_URL": database.migrator_url}
        migrate(migration, cancelled=stopping)
        stack = subprocess.Popen(
            [sys.executable, "-m", "lab", "up"],
            env={**os.environ, **settings},
            cwd=CHECKOUT,
            # Ctrl-C reaches only this process, which stops the stack first.
            start_new_session=True,
        )
        try:
            _watch(database, stack, signals)
        finally:
            stack.terminate()
            while not wait_until(lambda: stack.poll() is not None, timeout_s=1):
                if signals.kill_now.is_set():
                    stack.terminate()
    return OK if stack.returncode == 0 else FAILED


def _watch(
    database: DatabaseCluster, stack: "subprocess.Popen[bytes]", signals: StopSignals
) -> None:
    """Restart servers that have ended, and print which node is the primary.

    Return when the stack ends, or must end.
    """
    keepers = [Keeper(server, _report) for server in database.servers]
    reported: Machine | None = None
    while not signals.stopping.wait(_CHECK_INTERVAL_SECONDS) and stack.poll() is None:
        for keeper in keepers:
            keeper.check()
        primary = database.primary()
        if primary is not None and primary != reported:
            _report(f"The primary of the database is {primary.node.name}.")
            reported = primary
