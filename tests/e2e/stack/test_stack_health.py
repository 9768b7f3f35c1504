"""`make status` and `make doctor` name the same broken parts, faults and remedies."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from lab.stack.processes.waiting import wait_until
from lab.stack.servers.server import Server
from tests.e2e.local_stack import LocalStack
from tests.service import CHECKOUT

pytestmark = pytest.mark.slow

# The parts that `lab fault NAME heal` can continue, and the name of each part in this command.
FAULTS = {"PostgreSQL": "postgres", "Valkey": "redis", "limits": "redis", "worker": "worker"}


def lines_of_both(stack: LocalStack) -> list[str]:
    """Return the problems that both `lab status` and `make doctor` report, in the same order."""
    status = stack.run("status")
    assert status.returncode == 1, status.stdout
    found = [line for line in status.stdout.splitlines() if line.startswith("problem ")]
    reported = doctor(stack)
    # On a busy machine, a part may answer one of the two commands in time and not the other.
    found = [line for line in found if line in reported]
    assert [line for line in reported if line in found] == found
    return found


def doctor(stack: LocalStack) -> list[str]:
    """Return the lines that `make doctor` prints."""
    return subprocess.run(
        ["make", "--no-print-directory", "doctor"],
        cwd=CHECKOUT,
        env=dict(stack.environment),
        check=False,
        capture_output=True,
        text=True,
    ).stdout.splitlines()


def all_parts(stack: LocalStack) -> list[Server]:
    """Return the parts of the stack, after all of them have become ready."""
    servers = stack.parts.servers
    assert wait_until(lambda: all(server.ready() for server in servers), timeout_s=60)
    return servers


@contextmanager
def suspended(*processes: psutil.Process) -> Iterator[None]:
    """Send SIGSTOP to the processes, and SIGCONT at the end."""
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def process_of(server: Server) -> psutil.Process:
    """Return the running process of a server."""
    process = server.process
    assert process is not None
    return process


def test_a_healthy_stack_has_no_findings(stack: LocalStack) -> None:
    """`make doctor` says that all parts are ready, and `lab status` exits with 0."""
    all_parts(stack)
    ready = f"ok       All parts of the stack in {stack.directory} are ready."
    assert wait_until(lambda: ready in doctor(stack), timeout_s=60)
    assert wait_until(lambda: stack.run("status").returncode == 0, timeout_s=60)


def test_each_frozen_part_is_named_with_the_command_that_continues_it(stack: LocalStack) -> None:
    """`lab status` and `make doctor` name the commands, although no part answers."""
    processes = {server.name: process_of(server) for server in all_parts(stack)}
    with suspended(*processes.values()):
        found = lines_of_both(stack)
    assert found == [
        f"problem  {name} is frozen. Continue it:  "
        + (
            f".venv/bin/lab fault {FAULTS[name]} heal"
            if name in FAULTS
            else f"kill -CONT {process.pid}"
        )
        for name, process in processes.items()
    ]
    all_parts(stack)


def test_each_part_that_has_ended_is_named_with_its_log(stack: LocalStack) -> None:
    """A frozen supervisor restarts no part, so it is named first."""
    servers = all_parts(stack)
    supervisor = psutil.Process(stack.identities()["supervisor"].pid)
    with suspended(supervisor):
        for server in servers:
            process_of(server).send_signal(signal.SIGKILL)
        assert wait_until(lambda: not any(server.process for server in servers), timeout_s=10)
        first, *found = lines_of_both(stack)
    assert first == (
        "problem  The supervisor is frozen, so it restarts no part. Continue it:  "
        f"kill -CONT {supervisor.pid}"
    )
    for server, line in zip(servers, found, strict=True):
        assert line.startswith(
            f"problem  {server.name} has ended. The stack is starting it again. If it fails:  "
        )
        if server.log:
            assert line.endswith(f"  less {server.log}")
    all_parts(stack)


def test_a_stopped_part_is_named_with_the_command_that_starts_it(stack: LocalStack) -> None:
    """Without the worker, the other parts are ready."""
    all_parts(stack)
    stack.succeed("fault", "worker", "stop")
    try:
        line = "problem  worker is stopped. Start it again:  .venv/bin/lab fault worker heal"
        assert line in lines_of_both(stack)
    finally:
        stack.succeed("fault", "worker", "heal")
