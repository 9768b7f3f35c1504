"""Runs the stack in the background: `start` in one process, the supervisor in another."""

import os
import subprocess
import sys
from typing import TextIO

from lab.stack.environment import Choices
from lab.stack.errors import LabError
from lab.stack.lock import is_held
from lab.stack.paths import CHECKOUT, Paths, rotate_when_large
from lab.stack.report import ready_message
from lab.stack.stack import Stack
from lab.stack.state import State
from lab.stack.waiting import wait_until

# A supervisor exits with this status if another supervisor already runs the stack.
EXIT_ALREADY_RUNNING = 4

# Enough for a cold start on a slow machine.
START_TIMEOUT_SECONDS = 180.0


def start(paths: Paths) -> None:
    """Run the stack in the background. Return when it can serve requests.

    :raises LabError: when the stack does not start; the servers that had started are then stopped.
        Also when a stack with other choices already runs.
    """
    choices = Choices.from_environment()
    paths.prepare()
    if is_held(paths.lock) or not _spawn(paths):
        _describe_running(paths, choices)
    else:
        print_line(sys.stdout, ready_message(Stack(paths, choices)))


def print_line(stream: TextIO, line: str) -> None:
    """Print a line, unless the terminal or the other process has closed the stream."""
    try:
        print(line, file=stream, flush=True)
    except OSError:
        # The stack continues without a reader, or is about to receive a signal to stop.
        return


def _spawn(paths: Paths) -> bool:
    """Start a supervisor and print its reports. Return False if a supervisor already runs."""
    rotate_when_large(paths.stack_log)
    reading, writing = os.pipe()
    with paths.stack_log.open("ab") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "lab", "up", "--report-to", str(writing)],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
            start_new_session=True,
        )
    os.close(writing)
    _show_reports(reading, supervisor)
    state = State.load(paths)
    if state is not None and state.ready and state.supervisor.pid == supervisor.pid:
        return True
    if supervisor.wait() == EXIT_ALREADY_RUNNING:
        return False
    raise LabError(f"The stack did not start. Its log:  less {paths.stack_log}")


def _show_reports(reading: int, supervisor: "subprocess.Popen[bytes]") -> None:
    try:
        # The supervisor's side of the pipe closes when the stack serves requests or the supervisor
        # has ended. Then the loop ends.
        with os.fdopen(reading) as reports:
            for line in reports:
                print_line(sys.stdout, line.rstrip("\n"))
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        raise LabError("Interrupted. Everything that had started is stopped.") from None


def _describe_running(paths: Paths, wanted: Choices) -> None:
    if not wait_until(lambda: _settled(paths), timeout_s=START_TIMEOUT_SECONDS):
        raise LabError("The stack is still starting. See it:  make status")
    state = State.load(paths)
    if state is None:
        raise LabError("The stack that was starting has ended. Try again:  make start")
    running = state.choices
    summary = (
        f"The stack runs already: http://localhost:{running.http_port} and "
        f"https://localhost:{running.https_port}"
    )
    if running != wanted:
        raise LabError(
            f"{summary}\nIt uses other ports or servers than you requested. "
            "Run `make stop`, then repeat your command."
        )
    print_line(sys.stdout, summary)
    print_line(sys.stdout, "To change a setting:  make stop && NAME=value make start")


def _settled(paths: Paths) -> bool:
    state = State.load(paths)
    return state.ready if state else not is_held(paths.lock)
