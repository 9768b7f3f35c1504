"""Finds whether each part of the stack runs, and what to do if a part does not run.

`make status` and `make doctor` show the same findings. The doctor imports no installed package, so
it runs this module as a program.
"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psutil

from lab.stack.config.environment import Choices
from lab.stack.config.paths import Paths
from lab.stack.processes.faults import is_frozen
from lab.stack.processes.identity import Identity
from lab.stack.processes.lock import is_held
from lab.stack.servers.server import Server
from lab.stack.stack import Stack
from lab.stack.state import State
from lab.stack.status.findings import Finding, note, ok, problem

# A process that is not ready, and is younger than this, is probably still starting. When the stack
# starts, it waits for each server for the same time.
STARTING_SECONDS = 60.0


@dataclass(frozen=True)
class Part:
    """A server of the stack: its process, its state in a few words, and what is wrong with it."""

    server: Server
    process: psutil.Process | None
    state: str
    finding: Finding | None = None


@dataclass(frozen=True)
class Health:
    """The running stack, its parts, and all findings. `stack` is None if no stack runs."""

    stack: Stack | None
    parts: list[Part]
    findings: list[Finding]


def examine(paths: Paths) -> Health:
    """Examine the stack. This takes at most two seconds, even if all its parts hang."""
    state = State.load(paths)
    if state is None:
        if is_held(paths.lock):
            return Health(None, [], [note("The stack is starting or stopping. Wait:  make start")])
        return Health(None, [], list(_leftovers(paths)))
    stack = Stack(paths, state.choices)
    with ThreadPoolExecutor(len(stack.servers)) as executor:
        parts = list(executor.map(_examine, stack.servers))
    supervisor = list(_supervisor(state.supervisor))
    if not state.ready and not supervisor:
        return Health(stack, parts, [note("The stack is starting or stopping. Wait:  make start")])
    return Health(stack, parts, supervisor + [part.finding for part in parts if part.finding])


def _examine(server: Server) -> Part:
    process = server.process
    if process is None:
        if server.restart_disabled:
            remedy = f"Start it again:  {server.heal_command or 'make stop && make start'}"
            return Part(server, None, "stopped", problem(f"{server.name} is stopped.", remedy))
        text = f"{server.name} has ended. The stack is starting it again."
        return Part(server, None, "not running", problem(text, f"If it fails:  {_log(server)}"))
    if is_frozen(process):
        remedy = f"Continue it:  {server.heal_command or f'kill -CONT {process.pid}'}"
        return Part(server, process, "frozen", problem(f"{server.name} is frozen.", remedy))
    if server.ready():
        return Part(server, process, "ready")
    if time.time() - process.create_time() < STARTING_SECONDS:
        found = note(f"{server.name} is starting. If that takes long:  {_log(server)}")
        return Part(server, process, "starting", found)
    text = f"{server.name} {server.unready_state}."
    return Part(server, process, server.unready_state, problem(text, server.remedy()))


def _supervisor(identity: Identity) -> Iterator[Finding]:
    process = identity.process()
    if process is not None and is_frozen(process):
        text = "The supervisor is frozen, so it restarts no part."
        yield problem(text, f"Continue it:  kill -CONT {process.pid}")


def _leftovers(paths: Paths) -> Iterator[Finding]:
    stack = Stack(paths, Choices.largest())
    left = [(server.name, server.process) for server in stack.all_servers]
    if named := [f"{name} (process {process.pid})" for name, process in left if process]:
        text = f"The stack was killed, and these processes still run: {', '.join(named)}."
        yield problem(text, "End these processes:  make stop")


def _log(server: Server) -> str:
    # The apps and the worker write to the terminal of `make up`, or to the log of `make start`.
    return f"less {server.log}" if server.log else "read the output of make up, or .lab/logs"


def main() -> int:
    """Print the findings, one per line, for the doctor."""
    paths = Paths.from_environment()
    health = examine(paths)
    found = health.findings
    if health.stack is not None and not found:
        found = [ok(f"All parts of the stack in {paths.root} are ready.")]
    for finding in found:
        print(finding)
    return 0


if __name__ == "__main__":
    sys.exit(main())
