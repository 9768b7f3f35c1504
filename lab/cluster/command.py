"""`lab cluster`: runs the stack on a database and a Redis that fail over."""

import os
import subprocess
import sys
from functools import partial
from typing import Final

import click

from lab.cluster.cluster import Cluster
from lab.stack.background import print_line
from lab.stack.control import FAILED, OK
from lab.stack.errors import AlreadyRunningError, InterruptedStartError
from lab.stack.keeper import Keeper
from lab.stack.paths import CHECKOUT, Paths
from lab.stack.processes.lock import Lock
from lab.stack.processes.signals import StopSignals
from lab.stack.processes.waiting import wait_until

_CHECK_INTERVAL_SECONDS: Final = 0.2
_PROCESSES: Final = {"APP_PROCESSES": "4", "WORKER_PROCESSES": "2"}
_report: Final = partial(print_line, sys.stdout)


@click.command(epilog="Example:  lab cluster")
@click.pass_obj
def cluster(paths: Paths) -> int:
    """Run the stack on three PostgreSQL nodes under Patroni, and three Valkeys under Sentinel.

    Ctrl-C stops everything. `lab fault node kill` kills the primary, and another node takes over.
    """
    paths.prepare()
    lock = Lock(paths.cluster_lock)
    if not lock.acquire():
        raise AlreadyRunningError("A cluster runs already. Ctrl-C in its terminal stops it.")
    try:
        return _run(Cluster(paths.cluster))
    except InterruptedStartError as interruption:
        _report(str(interruption))
        return OK
    finally:
        lock.release()


def _run(servers: Cluster) -> int:
    signals = StopSignals()
    signals.listen()
    _report("Starting three PostgreSQL nodes, which takes about 20 s")
    with servers.running(cancelled=signals.stopping.is_set, kill_now=signals.kill_now.is_set):
        stack = subprocess.Popen(
            [sys.executable, "-m", "lab", "up"],
            env={**_PROCESSES, **os.environ, **servers.stack_settings},
            cwd=CHECKOUT,
            # Ctrl-C reaches only this process, which stops the stack first.
            start_new_session=True,
        )
        try:
            _watch(servers, stack, signals)
        finally:
            stack.terminate()
            while not wait_until(lambda: stack.poll() is not None, timeout_s=1):
                if signals.kill_now.is_set():
                    stack.terminate()
    return OK if stack.returncode == 0 else FAILED


def _watch(servers: Cluster, stack: "subprocess.Popen[bytes]", signals: StopSignals) -> None:
    """Restart servers that have ended, and print which nodes are the primaries.

    Return when the stack ends, or must end.
    """
    keepers = [Keeper(server, _report) for server in servers.all_servers]
    reported: dict[str, str] = {}
    while not signals.stopping.wait(_CHECK_INTERVAL_SECONDS) and stack.poll() is None:
        for keeper in keepers:
            keeper.check()
        for kind, name in servers.primaries().items():
            if reported.get(kind) != name:
                _report(f"The primary of the {kind} is {name}.")
                reported[kind] = name
