"""`lab cluster`: runs the stack on a database and a Redis that fail over."""

import os
import signal
import subprocess
import sys
from functools import partial
from typing import Final

import click

from lab.cluster.cluster import Cluster
from lab.stack.background import print_line
from lab.stack.config.paths import CHECKOUT, Paths
from lab.stack.control import FAILED, OK, STOP_TIMEOUT_SECONDS
from lab.stack.errors import AlreadyRunningError, InterruptedStartError
from lab.stack.keeper import Keeper
from lab.stack.processes.lock import Lock, is_held
from lab.stack.processes.signals import StopSignals
from lab.stack.processes.waiting import wait_until

_CHECK_INTERVAL_SECONDS: Final = 0.2
_DEFAULTS: Final = {"APP_PROCESSES": "4", "WORKER_PROCESSES": "2"}
_report: Final = partial(print_line, sys.stdout)


@click.command(epilog="Example:  lab cluster")
@click.pass_obj
def cluster(paths: Paths) -> int:
    """Run the stack on three PostgreSQL nodes under Patroni, and three Valkeys under Sentinel.

    Ctrl-C stops everything. `lab fault node kill` kills the primary, and another node takes over.
    """
    if is_held(paths.lock):
        raise AlreadyRunningError("A stack runs already. Stop it first:  make stop")
    paths.prepare()
    lock = Lock(paths.cluster_lock)
    if not lock.acquire():
        raise AlreadyRunningError("A cluster runs already. Ctrl-C in its terminal stops it.")
    try:
        return _run(Cluster(paths.cluster), paths)
    except InterruptedStartError as interruption:
        _report(str(interruption))
        return OK
    finally:
        paths.cluster_ready.unlink(missing_ok=True)
        lock.release()


def _run(cluster: Cluster, paths: Paths) -> int:
    signals = StopSignals()
    signals.listen()
    # If a shell starts this command in the background, the command and its children ignore SIGQUIT.
    # But SIGQUIT is the stop signal of PgBouncer.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    paths.cluster_ready.unlink(missing_ok=True)
    cluster.end_leftovers()
    _report("Starting three PostgreSQL nodes, which takes about 20 s")
    with cluster.running(cancelled=signals.stopping.is_set, kill_now=signals.kill_now.is_set):
        if signals.stopping.is_set():
            raise InterruptedStartError("The cluster was stopped while it was starting.")
        paths.cluster_ready.touch()
        stack = subprocess.Popen(
            [sys.executable, "-m", "lab", "up"],
            env={
                **_DEFAULTS,
                **os.environ,
                **cluster.stack_settings,
                "LAB_DIR": str(paths.root),
            },
            cwd=CHECKOUT,
            # Ctrl-C reaches only this process, which stops the stack first.
            start_new_session=True,
        )
        try:
            _watch(cluster, stack, signals)
        finally:
            paths.cluster_ready.unlink(missing_ok=True)
            try:
                cluster.thaw()
            finally:
                _stop(stack, signals)
    was_interrupted = signals.stopping.is_set() and stack.returncode == -signal.SIGTERM
    return OK if stack.returncode == 0 or was_interrupted else FAILED


def _stop(stack: "subprocess.Popen[bytes]", signals: StopSignals) -> None:
    stack.terminate()
    for _ in range(round(STOP_TIMEOUT_SECONDS)):
        if wait_until(lambda: stack.poll() is not None, timeout_s=1):
            return
        # A frozen process does not react to SIGTERM.
        stack.send_signal(signal.SIGCONT)
        if signals.kill_now.is_set():
            stack.terminate()
    _report("The stack does not stop. End what is left:  make stop")
    stack.kill()
    stack.wait()


def _watch(cluster: Cluster, stack: "subprocess.Popen[bytes]", signals: StopSignals) -> None:
    """Restart servers that have ended, and print which machines have the primaries.

    Return when the stack has ended, or when a stop signal has arrived.
    """
    keepers = [Keeper(server, _report) for server in cluster.servers]
    reported: dict[str, str] = {}
    while not signals.stopping.wait(_CHECK_INTERVAL_SECONDS) and stack.poll() is None:
        for keeper in keepers:
            keeper.check()
        for kind, name in cluster.primaries().items():
            if reported.get(kind) != name:
                _report(f"The primary of {kind} is {name}.")
                reported[kind] = name
