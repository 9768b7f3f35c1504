"""Checks the parts of a running or killed stack, and the two public ports of a new stack."""

import subprocess
from collections.abc import Iterator, Mapping

from lab import install
from lab.stack.config.environment import Choices
from lab.stack.config.paths import CHECKOUT, Paths
from lab.stack.config.ports import listen
from lab.stack.errors import LabError
from lab.stack.processes.lock import is_held
from lab.stack.status.findings import Finding, note, ok, problem

_TIMEOUT_SECONDS = 20


def stack(paths: Paths) -> Iterator[Finding]:
    """Report what `make status` reports. This check needs the packages of .venv."""
    if not any(paths.root.glob("*/process.json")):
        return
    command = [str(install.VENV_PYTHON), "-E", "-m", "lab.stack.status.health"]
    try:
        lines = subprocess.run(
            command,
            cwd=CHECKOUT,
            check=True,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
        ).stdout.splitlines()
    except OSError:
        reason = ".venv does not work."
    except subprocess.TimeoutExpired:
        reason = f"the check took longer than {_TIMEOUT_SECONDS} s."
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip() or str(error)).splitlines()[-1]
    else:
        yield from map(Finding.parse, lines)
        return
    yield note(f"The parts of the stack in {paths.root} are not checked: {reason}")


def ports(paths: Paths, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check that a stack could listen on the ports now. If a stack runs, return no finding.

    :raises LabError: when HTTP_PORT, HTTPS_PORT or a number of processes is out of range.
    """
    choices = Choices.from_environment(environment)
    if is_held(paths.lock):
        return
    wanted = {"HTTP_PORT": choices.http_port, "HTTPS_PORT": choices.https_port}
    for variable, port in wanted.items():
        try:
            for server in listen(port, variable, "up"):
                server.close()
        except LabError as error:
            yield problem(str(error), f"See which program uses it:  sudo lsof -i:{port}")
        else:
            yield ok(f"Port {port} is free.")
