"""Checks of the required programs, and of Docker, which is optional."""

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

from lab import install
from lab.stack.status.findings import Finding, note, ok, problem

# macOS contains this version of make, and the Makefile uses only features of this version.
OLDEST_MAKE = (3, 81)


def python() -> Iterator[Finding]:
    """Check that this Python can create `.venv`. `lab/python.sh` has checked the version."""
    try:
        install.check_machine()
    except install.InstallError as error:
        yield problem(str(error))
    else:
        yield ok(f"Python {platform.python_version()} ({sys.executable}) can create .venv.")


def make() -> Iterator[Finding]:
    """Check that `make` is GNU make, and not older than the version in macOS."""
    line = _first_line("make", "--version")
    match = re.match(r"GNU Make (\d+)\.(\d+)", line)
    if match and (int(match[1]), int(match[2])) >= OLDEST_MAKE:
        yield ok(f"{line}.")
    else:
        oldest = ".".join(map(str, OLDEST_MAKE))
        yield problem(
            f"`make` is {line or 'missing'}, not GNU make {oldest} or newer.",
            "Install GNU make. If its command is `gmake`, use `gmake`.",
        )


def docker() -> Iterator[Finding]:
    """Check whether Docker answers. Only the targets with Docker in their name need it."""
    version = _first_line("docker", "version", "--format", "{{.Server.Version}}")
    if version:
        yield ok(f"Docker {version} answers.")
    else:
        yield note("Docker does not answer. Only the targets with Docker in their name need it.")


def _first_line(name: str, *arguments: str) -> str:
    program = shutil.which(name)
    if program is None:
        return ""
    try:
        result = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return result.stdout.partition("\n")[0].strip()
