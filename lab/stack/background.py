"""Runs the stack in the background: `lab start` starts the supervisor as another process."""

import os
import subprocess
import sys
from contextlib import suppress
from typing import TextIO

import psutil

from lab.stack.config.environment import Choices
from lab.stack.config.paths import CHECKOUT, Paths, rotate_when_large
from lab.stack.errors import AlreadyRunningError, LabError, ownership_message
from lab.stack.processes.lock import is_held
from lab.stack.processes.waiting import wait_until
from lab.stack.report import details
from lab.stack.stack import Stack
from lab.stack.state import State
from lab.stack.supervisor import Supervisor

# The last line that the supervisor writes to the pipe is this character and one of the outcomes.
# If the supervisor ends without such a line, the start has failed.
_OUTCOME_MARK = "\0"
_OUTCOMES = _READY, _ALREADY_RUNNING = "ready", "already running"

# Enough for a cold start on a slow machine.
START_TIMEOUT_SECONDS = 180.0


def start(paths: Paths) -> int:
    """Run the stack in the background. Return the exit status 0 when it can serve requests.

    :raises LabError: when a stack with other choices already runs, or when the stack does not
        start. In the second case, the servers that had started are stopped.
    """
    choices = Choices.from_environment()
    paths.prepare()
    if is_held(paths.lock) or _start_supervisor(paths) == _ALREADY_RUNNING:
        _describe_running(paths, choices)
    return 0


def print_line(stream: TextIO, line: str) -> None:
    """Print a line. If the stream is closed, because its reader has ended, do nothing."""
    try:
        print(line, file=stream, flush=True)
    except OSError:
        # A missing reader does not stop the stack. If the terminal of `lab up` is closed, the stack
        # does stop, but because of SIGHUP.
        return


def _start_supervisor(paths: Paths) -> str:
    """Start a supervisor, print its reports, and return the outcome."""
    rotate_when_large(paths.stack_log)
    reading, writing = os.pipe()
    with paths.stack_log.open("ab") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-m", __name__, str(writing)],
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
            start_new_session=True,
        )
    os.close(writing)
    try:
        with os.fdopen(reading) as reports:
            for line in reports:
                outcome = line.rstrip("\n").removeprefix(_OUTCOME_MARK)
                if line.startswith(_OUTCOME_MARK) and outcome in _OUTCOMES:
                    return outcome
                print_line(sys.stdout, line.rstrip("\n"))
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        raise LabError("Interrupted. Everything that had started is stopped.") from None
    supervisor.wait()
    raise LabError(f"The stack did not start. Its log:  less {paths.stack_log}")


def _supervise(descriptor: int) -> int:
    """Run the stack in this process, and report the start through the pipe."""
    paths, pipe = Paths.from_environment(), os.fdopen(descriptor, "w")

    def report(line: str) -> None:
        print_line(sys.stdout, line)
        if not pipe.closed:
            print_line(pipe, line)

    def end_reports(outcome: str) -> None:
        print_line(pipe, f"{_OUTCOME_MARK}{outcome}")
        # If `lab start` has been killed, `close` raises an error. The stack continues.
        with suppress(OSError):
            pipe.close()

    def report_ready() -> None:
        report(details(stack, stop="To stop it:  make stop"))
        end_reports(_READY)

    try:
        stack = Stack(paths, Choices.from_environment(), app_log=paths.stack_log)
        Supervisor(stack, report, target="start").run(report_ready)
    except AlreadyRunningError:
        end_reports(_ALREADY_RUNNING)
    except LabError as error:
        report(str(error))
        return 1
    except (PermissionError, psutil.AccessDenied) as error:
        report(ownership_message(error, paths.root))
        return 1
    return 0


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


if __name__ == "__main__":
    sys.exit(_supervise(int(sys.argv[1])))
