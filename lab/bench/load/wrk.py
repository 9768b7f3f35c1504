"""Sends load with wrk, which keeps a few connections busy and counts the responses."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from lab.bench.backends import Backends
from lab.seed.people import PASSWORD, PEOPLE
from lab.stack.config.ports import LOOPBACK
from lab.stack.errors import LabError

CONNECTIONS: Final = 16
QUERY: Final = """query Page { me { name orders(first: 20) { nodes {
    id status total { amount } items { name quantity unitPrice { amount } }
} } } }"""
"""A user with 20 orders and their items."""
_SCRIPT: Final = Path(__file__).with_name("load.lua")
_MAX_DURATION: Final = "1h"
_MAX_SIGNALS: Final = 30
_SIGNAL_PAUSE_SECONDS: Final = 1.0
_NOTHING: Final = {"requests": 0, "refused": 0, "broken": 0}
_runs = count(1)


@dataclass(frozen=True)
class Request:
    """A request: its kind in load.lua, its path, and the number of connections that send it."""

    kind: str
    path: str
    connections: int = CONNECTIONS


class Wrk:
    """Sends requests as one user. Each run has its own idempotency keys and emails of signups."""

    def __init__(self, backends: Backends, token: str) -> None:
        self._environment = {
            "LOAD_TOKEN": token,
            "LOAD_PASSWORD": PASSWORD,
            "LOAD_EMAILS": ",".join(person.email for person in PEOPLE),
            "LOAD_PRODUCTS": ",".join(map(str, backends.product_ids)),
            "LOAD_QUERY": json.dumps({"query": QUERY}),
        }

    def run(self, port: int, request: Request, seconds: float) -> float:
        """Keep the server busy for `seconds`. Return the number of responses per second.

        :raises LabError: when a request fails, because the rate of failed requests has no meaning.
        """
        variables = {"LOAD_KIND": request.kind, "LOAD_RUN": str(next(_runs))}
        output = run_wrk(
            [f"-c{request.connections}", f"http://{LOOPBACK}:{port}{request.path}"],
            seconds,
            {**os.environ, **self._environment, **variables},
        )
        result = json.loads(output.splitlines()[-1]) if output is not None else _NOTHING
        if result["refused"] or result["broken"]:
            raise LabError(f"Not every {request.kind} at {request.path} succeeded:\n\n{output}")
        if not result["requests"]:
            # On a busy machine, a short run may end before the first response.
            return self.run(port, request, seconds * 2)
        return float(result["requests"] / (result["microseconds"] / 1e6))


def require() -> str:
    """Return the path of wrk.

    :raises LabError: when wrk is missing. The message contains the command that installs wrk.
    """
    program = shutil.which("wrk")
    if program is None:
        raise LabError(
            f"wrk, which sends the requests, is missing. Install it:  {_install_command()}"
        )
    return program


def run_wrk(to: Sequence[str], seconds: float, environment: Mapping[str, str]) -> str | None:
    """Run wrk for `seconds`, and return its output. None if wrk sent no requests in this time.

    `to` contains the last arguments of the command.

    :raises LabError: when wrk fails.
    """
    command = [require(), "-t1", f"-d{_MAX_DURATION}", "-s", str(_SCRIPT), *to]
    process = subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        # wrk accepts only whole seconds as its duration. So SIGINT stops wrk after `seconds`. wrk
        # then prints the same summary.
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        output = _interrupt(process)
    finally:
        process.kill()
    if process.returncode == -signal.SIGINT:
        # On a busy machine, a short run may end before wrk has begun.
        return None
    if process.returncode != 0:
        raise LabError(f"wrk failed:\n\n{output}")
    return output


def _interrupt(process: "subprocess.Popen[str]") -> str:
    # After its preparations, wrk sleeps until the end or the next signal. A signal that arrives
    # just before the sleep does not end the sleep. So this function repeats the signal.
    for _ in range(_MAX_SIGNALS):
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_SIGNAL_PAUSE_SECONDS)[0]
    raise LabError("wrk does not end. Run the benchmark again.")


def _install_command() -> str:
    sudo = "sudo " if os.geteuid() else ""
    for program, command in (
        ("apt-get", f"{sudo}apt install wrk"),
        ("dnf", f"{sudo}dnf install wrk"),
        ("pacman", f"{sudo}pacman -S wrk"),
        ("apk", f"{sudo}apk add wrk"),
        ("brew", "brew install wrk"),
    ):
        if shutil.which(program):
            return command
    return "see https://github.com/wg/wrk"
