"""Checks the parts of a running stack, and finds the processes of a killed stack."""

import subprocess
from collections.abc import Iterator, Mapping

from lab import install
from lab.stack.findings import Finding, note
from lab.stack.paths import CHECKOUT, Paths

_TIMEOUT_SECONDS = 20


def stack(paths: Paths, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Report what `make status` reports. This check needs the packages of .venv."""
    if not any(paths.root.glob("*/process.json")):
        return
    command = [str(install.VENV_PYTHON), "-E", "-m", "lab.stack.health"]
    try:
        lines = subprocess.run(
            command,
            cwd=CHECKOUT,
            env=dict(environment),
            check=True,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_SECONDS,
        ).stdout.splitlines()
    except OSError:
        yield note(f"The parts of the stack in {paths.root} are not checked: .venv does not work.")
    except subprocess.SubprocessError as error:
        reason = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        yield note(f"The parts of the stack in {paths.root} are not checked: {reason}")
    else:
        yield from map(Finding.parse, lines)
