"""The commands: each returns the exit status of its process."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import TextIO

from lab.stack import background
from lab.stack.apps import AppProcess
from lab.stack.background import tell
from lab.stack.environment import Choices
from lab.stack.errors import AlreadyRunningError, LabError
from lab.stack.footprint import has_ended
from lab.stack.lock import Lock
from lab.stack.paths import CHECKOUT, Paths
from lab.stack.report import status_table, where_things_are
from lab.stack.stack import Slots, Stack
from lab.stack.state import State
from lab.stack.supervisor import Supervisor
from lab.stack.waiting import wait_until

OK, FAILED, NOT_RUNNING = 0, 1, 3

# A stop in which the last requests take all of their time.
STOP_TIMEOUT_S = 90.0


def up(paths: Paths, *, reporter: TextIO | None = None) -> int:
    """Run the stack in this process until it is told to stop.

    With a `reporter` it runs for a `start` in another process, which is told there how the start
    goes; the reporter is closed when that is over.
    """

    def say(line: str) -> None:
        tell(sys.stdout, line)
        if reporter is not None and not reporter.closed:
            tell(reporter, line)

    def when_ready() -> None:
        if reporter is None:
            say(where_things_are(stack))
        else:
            reporter.close()

    try:
        choices = Choices.from_environment()
        stack = Stack(paths, choices, app_log=paths.stack_log if reporter else None)
        Supervisor(stack, say, target="start" if reporter else "up").run(when_ready)
    except AlreadyRunningError as error:
        if reporter is not None:
            return background.LOST_THE_RACE
        say(str(error))
        return FAILED
    except LabError as error:
        say(str(error))
        return FAILED
    return OK


def start(paths: Paths) -> int:
    """Run the stack in the background; return once the first request would succeed."""
    background.start(paths)
    return OK


def status(paths: Paths) -> int:
    """Print each part with its health; 0 when a stack runs, 3 when none does."""
    state = State.load(paths)
    if state is None:
        print("The stack does not run. Start it:  make start")
        return NOT_RUNNING
    print(*status_table(Stack(paths, state.choices)), sep="\n")
    if not state.ready:
        print("It is still starting.")
    return OK


def stop(paths: Paths) -> int:
    """End the stack and what a killed one left; nothing to end is fine as well."""
    if _end(paths):
        print("The stack has stopped; its data are kept.")
    else:
        print("The stack does not run.")
    return OK


def reset(paths: Paths) -> int:
    """End the stack and delete its data, secrets, certificates and logs."""
    _end(paths)
    if not paths.root.exists():
        print("There is nothing to delete.")
        return OK
    stack = Stack(paths, Choices.from_environment({}))
    stack.postgres.remove()
    # By name: whoever points LAB_DIR at a directory with other things in it keeps them.
    for name in ("valkey", "limits", "caddy", "collector", "provider", "logs"):
        shutil.rmtree(paths.root / name, ignore_errors=True)
    for slot in stack.all_slots:
        shutil.rmtree(slot.directory, ignore_errors=True)
    for file in (paths.ca_certificate, paths.token_signing_key):
        file.unlink(missing_ok=True)
    print(f"Deleted: database, cache, secrets, certificates and logs in {paths.root}")
    return OK


def roll(paths: Paths) -> int:
    """Replace the app processes one after another; no request fails meanwhile.

    :raises LabError: when a new process does not become ready, and the old one goes on serving;
        when an old one does not end; when another roll is going on.
    """
    stack, lock = running(paths), Lock(paths.roll_lock)
    if not lock.acquire():
        raise LabError("Another `make roll` is going on. Wait until it has ended.")
    try:
        for slots in stack.slots:
            old, new = _end_other_process(slots)
            failure = new.take_over(old)
            if failure is not None:
                raise LabError(
                    f"The new {new.name} did not become ready; the old one goes on serving. "
                    f"{failure} What the new one said:  less {paths.stack_log}"
                )
            print(f"{new.name} has been restarted.", flush=True)
        # When the command returns, only new processes answer.
        for slots in stack.slots:
            _end_other_process(slots)
    finally:
        lock.release()
    return OK


def _end_other_process(slots: Slots) -> tuple[AppProcess, AppProcess]:
    """Return the slot that serves, and the other one without a process.

    The other one may have a process that is still ending, or that a killed `make roll` left.

    :raises LabError: when that process does not end.
    """
    serving = next((slot for slot in slots if slot.process and slot.ready()), slots.first)
    (other,) = (slot for slot in slots if slot is not serving)
    serving.release()
    other.retire()
    if not wait_until(lambda: other.process is None, timeout_s=STOP_TIMEOUT_S):
        raise LabError(f"The old process of {other.name} does not end. See it:  make status")
    return serving, other


def admin(paths: Paths, environment: Mapping[str, str] = os.environ) -> int:
    """Make an administrator with `EMAIL` and `PASSWORD` of the environment in the running stack."""
    email, password = environment.get("EMAIL"), environment.get("PASSWORD")
    if not email or not password:
        raise LabError(
            "Say who:  make admin EMAIL=you@example.com PASSWORD='15 characters or more'"
        )
    stack = running(paths)
    return subprocess.run(
        [sys.executable, "-m", "app", "create-admin", "--email", email],
        cwd=CHECKOUT,
        env={**stack.service_environment, "ADMIN_PASSWORD": password},
        check=False,
    ).returncode


def running(paths: Paths) -> Stack:
    """Return the stack that runs now and serves.

    :raises LabError: when none does.
    """
    state = State.load(paths)
    if state is None:
        raise LabError("The stack does not run. Start it:  make start")
    if not state.ready:
        raise LabError("The stack is still starting. Wait for it:  make start")
    return Stack(paths, state.choices)


def _end(paths: Paths) -> bool:
    """End whatever runs; whether there was something."""
    if not paths.root.exists():
        return False
    state = State.load(paths)
    process = state.supervisor.process() if state else None
    if process is not None:
        print("Stopping: what has begun is still answered.", flush=True)
        process.send_signal(signal.SIGTERM)
    lock = Lock(paths.lock)
    if not lock.acquire(STOP_TIMEOUT_S):
        raise LabError(f"The stack does not end. Its log:  tail {paths.stack_log}")
    if process is not None:
        # It gives the lock up a moment before it has gone. Nobody waits until its parent notices:
        # in a container perhaps nobody will.
        wait_until(lambda: has_ended(process), timeout_s=STOP_TIMEOUT_S)
    leftovers = Stack(paths, Choices.from_environment({})).end_leftovers()
    lock.release()
    return process is not None or bool(leftovers)
