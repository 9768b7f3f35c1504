"""The stack in the background: `start` in one process, the supervisor in another."""

import os
import subprocess
import sys
from typing import TextIO

from lab.stack.environment import Choices
from lab.stack.errors import LabError
from lab.stack.lock import is_held
from lab.stack.paths import CHECKOUT, Paths, set_aside_when_large
from lab.stack.report import where_things_are
from lab.stack.stack import Stack
from lab.stack.state import State
from lab.stack.waiting import wait_until

# What the supervisor exits with when another one was there first.
LOST_THE_RACE = 4

# A cold start on a slow machine.
START_TIMEOUT_S = 180.0


def start(paths: Paths) -> None:
    """Run the stack in the background; return once the first request would succeed.

    :raises LabError: when it does not start, and what had been started is ended again; or when it
        runs already with other choices.
    """
    choices = Choices.from_environment()
    paths.prepare()
    if is_held(paths.lock) or not _spawn(paths):
        _describe_running(paths, choices)
    else:
        tell(sys.stdout, where_things_are(Stack(paths, choices)))


def tell(stream: TextIO, line: str) -> None:
    """Print a line for a person, who may have closed the terminal."""
    try:
        print(line, file=stream, flush=True)
    except OSError:
        # Nobody listens any more. The stack goes on without them, or is about to get the signal
        # that tells it to end.
        return


def _spawn(paths: Paths) -> bool:
    """Start a supervisor and show how it goes; False when another stack was there first."""
    set_aside_when_large(paths.stack_log)
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
    if supervisor.wait() == LOST_THE_RACE:
        return False
    raise LabError(f"The stack did not start. All that was said:  less {paths.stack_log}")


def _show_reports(reading: int, supervisor: "subprocess.Popen[bytes]") -> None:
    try:
        # Ends when the supervisor closes its side: it serves, or it is dead.
        with os.fdopen(reading) as reports:
            for line in reports:
                tell(sys.stdout, line.rstrip("\n"))
    except KeyboardInterrupt:
        supervisor.terminate()
        supervisor.wait()
        raise LabError("Interrupted: what had been started is stopped again.") from None


def _describe_running(paths: Paths, wanted: Choices) -> None:
    wait_until(lambda: _settled(paths), timeout_s=START_TIMEOUT_S)
    state = State.load(paths)
    if state is None:
        raise LabError("The stack that was starting has ended. Try again:  make start")
    runs = state.choices
    said = (
        f"The stack runs already: http://localhost:{runs.http_port} and "
        f"https://localhost:{runs.https_port}"
    )
    if runs != wanted:
        raise LabError(
            f"{said}\nIt runs with other ports or servers than you asked for. "
            "Run `make stop`, then repeat your command."
        )
    tell(sys.stdout, said)
    tell(sys.stdout, "A setting is read at the start:  make stop && NAME=value make start")


def _settled(paths: Paths) -> bool:
    state = State.load(paths)
    return state.ready if state else not is_held(paths.lock)
