"""Checks the parts of a running stack, and finds the processes of a killed one."""

import subprocess
from collections.abc import Iterator, Mapping

from lab import install
from lab.stack.findings import Finding, note
from lab.stack.paths import CHECKOUT, Paths


def stack(paths: Paths, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Report what `make status` reports. That needs the packages of .venv."""
    if not any(paths.root.glob("*/process.json")):
        return
    command = [str(install.VENV_PYTHON), "-E", "-m", "lab.stack.health"]
    try:
        lines = subprocess.run(
            command, cwd=CHECKOUT, env=dict(environment), check=True, capture_output=True, text=True
        ).stdout.splitlines()
    except (OSError, subprocess.CalledProcessError):
        yield note(f"The parts of the stack in {paths.root} are not checked: .venv does not work.")
    else:
        yield from map(Finding.parse, lines)
