"""`lab up`, `lab roll` and `lab admin`. Each returns its exit status."""

import os
import subprocess
import sys
from contextlib import suppress
from functools import partial

import psutil

from lab.stack.background import print_line
from lab.stack.config.environment import Choices
from lab.stack.config.paths import CHECKOUT, Paths
from lab.stack.errors import LabError
from lab.stack.processes.lock import Lock
from lab.stack.processes.waiting import wait_until
from lab.stack.report import details
from lab.stack.servers.apps import AppProcess
from lab.stack.servers.worker import WorkerProcess
from lab.stack.stack import Slots, Stack
from lab.stack.state import State
from lab.stack.supervisor import Supervisor

OK, FAILED = 0, 1

# Enough for a stop during which the last requests take the maximum time.
STOP_TIMEOUT_SECONDS = 90.0


def up(paths: Paths) -> int:
    """Run the stack in this process until it receives a stop signal."""
    report = partial(print_line, sys.stdout)
    try:
        stack = Stack(paths, Choices.from_environment())
        supervisor = Supervisor(stack, report, target="up")
        supervisor.run(lambda: report(details(stack, stop="Ctrl-C stops it.")))
    except LabError as error:
        report(str(error))
        return FAILED
    return OK


def roll(paths: Paths) -> int:
    """Replace the app processes and then the workers, one by one; no request fails meanwhile.

    :raises LabError: when another roll is running, or a process does not end or become ready. If a
        new app process does not become ready, the old process continues to serve.
    """
    stack, lock = running(paths), Lock(paths.roll_lock)
    if not lock.acquire():
        raise LabError("Another `make roll` is running. Wait until it has ended.")
    try:
        for slots in stack.slots:
            old, new = _end_other_process(slots)
            failure = new.take_over(old)
            if failure is not None:
                raise LabError(
                    f"The new {new.name} did not become ready; the old one continues to serve. "
                    f"{failure} Log of the new one:  less {paths.stack_log}"
                )
            print(f"{new.name} has been restarted.", flush=True)
        # The last old process may still be ending. Wait for its end, so that only new processes
        # answer after this command.
        for slots in stack.slots:
            _end_other_process(slots)
        for worker in stack.workers:
            _replace(worker)
    finally:
        lock.release()
    return OK


def _end_other_process(slots: Slots) -> tuple[AppProcess, AppProcess]:
    """End the process of the slot that does not serve. Return the serving slot, then the other.

    This process may still be ending after the previous roll, or a killed `make roll` may have left
    it.

    :raises LabError: when that process does not end.
    """
    serving = next((slot for slot in slots if slot.process and slot.ready()), slots.first)
    (other,) = (slot for slot in slots if slot is not serving)
    serving.enable_restart()
    other.retire()
    if not wait_until(lambda: other.process is None, timeout_s=STOP_TIMEOUT_SECONDS):
        raise LabError(f"The old process of {other.name} does not end. See it:  make status")
    return serving, other


def _replace(worker: WorkerProcess) -> None:
    """End the worker after its current jobs. The supervisor then starts a new worker.

    :raises LabError: when the old worker does not end, or no new worker starts.
    """
    before, process = worker.identity, worker.process
    if process is not None:
        worker.thaw()
        with suppress(psutil.NoSuchProcess):
            process.send_signal(worker.stop_signal)
    worker.enable_restart()
    if not wait_until(
        lambda: worker.identity != before and worker.ready(), timeout_s=STOP_TIMEOUT_SECONDS
    ):
        raise LabError(f"{worker.name} has not been restarted. See it:  make status")
    print(f"{worker.name} has been restarted.", flush=True)


def admin(paths: Paths) -> int:
    """Create an administrator in the running stack, from the variables `EMAIL` and `PASSWORD`."""
    email, password = os.environ.get("EMAIL"), os.environ.get("PASSWORD")
    if not email or not password:
        raise LabError(
            "EMAIL or PASSWORD is missing:  "
            "make admin EMAIL=you@example.com PASSWORD='15 characters or more'"
        )
    stack = running(paths)
    return subprocess.run(
        [sys.executable, "-m", "app", "create-admin", "--email", email],
        cwd=CHECKOUT,
        env={**stack.service_environment, "ADMIN_PASSWORD": password},
        check=False,
    ).returncode


def running(paths: Paths) -> Stack:
    """Return the running stack.

    :raises LabError: when no stack runs, or the stack is starting or stopping.
    """
    state = State.load(paths)
    if state is None:
        raise LabError("The stack does not run. Start it:  make start")
    if not state.ready:
        raise LabError("The stack is starting or stopping. Wait for it:  make start")
    return Stack(paths, state.choices)
