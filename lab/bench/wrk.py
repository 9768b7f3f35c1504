"""Load by wrk, which keeps a few connections busy and counts what comes back."""

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

from lab.bench.ground import Ground
from lab.seed.people import PASSWORD, PEOPLE
from lab.stack.errors import LabError
from lab.stack.ports import LOOPBACK

CONNECTIONS: Final = 16
_SCRIPT: Final = Path(__file__).with_name("load.lua")
_LONGEST: Final = "1h"
_runs = count(1)


@dataclass(frozen=True)
class Request:
    """What is sent, by the name that load.lua has for it, and to where."""

    kind: str
    path: str
    connections: int = CONNECTIONS


@dataclass(frozen=True)
class Load:
    """How one run went."""

    requests: int
    seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


class Wrk:
    """Sends requests in the name of one user; several runs never send the same email or key."""

    def __init__(self, ground: Ground, token: str) -> None:
        self._environment = {
            "LOAD_TOKEN": token,
            "LOAD_PASSWORD": PASSWORD,
            "LOAD_EMAILS": ",".join(person.email for person in PEOPLE),
            "LOAD_PRODUCTS": ",".join(map(str, ground.product_ids)),
        }

    def run(self, port: int, request: Request, seconds: float) -> Load:
        """Keep the server busy for that long.

        :raises LabError: when a single request was refused or lost; figures of errors are none.
        """
        variables = {"LOAD_KIND": request.kind, "LOAD_RUN": str(next(_runs))}
        said = _talk(
            [f"-c{request.connections}", f"http://{LOOPBACK}:{port}{request.path}"],
            seconds,
            {**os.environ, **self._environment, **variables},
        )
        result = json.loads(said.splitlines()[-1])
        if result["refused"] or result["broken"]:
            raise LabError(f"Not every {request.kind} at {request.path} succeeded:\n\n{said}")
        if not result["requests"]:
            # On a busy machine nothing may be done in a moment.
            return self.run(port, request, seconds * 2)
        return Load(result["requests"], result["microseconds"] / 1e6)


def require() -> str:
    """Find wrk.

    :raises LabError: when it is missing, with the command that installs it.
    """
    program = shutil.which("wrk")
    if program is None:
        raise LabError(f"wrk, which sends the requests, is missing. Install it:  {_installation()}")
    return program


def _talk(to: Sequence[str], seconds: float, environment: Mapping[str, str]) -> str:
    command = [require(), "-t1", f"-d{_LONGEST}", "-s", str(_SCRIPT), *to]
    process = subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        # Its own clock knows whole seconds only; interrupted, it sums up just the same.
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    if process.returncode != 0:
        raise LabError(f"wrk failed:\n\n{said}")
    return said


def _installation() -> str:
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
