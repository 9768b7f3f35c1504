"""The programs that are needed, and the one that is not."""

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator

from lab import install
from lab.doctor.findings import Finding, note, ok, problem

# What macOS has; the Makefile keeps to it.
OLDEST_MAKE = (3, 81)


def python() -> Iterator[Finding]:
    """Whether the Python that make has found, which is new enough, can make a .venv."""
    if wrong := install.complaint():
        yield problem(wrong)
    else:
        yield ok(f"Python {platform.python_version()} ({sys.executable}) makes .venv.")


def make() -> Iterator[Finding]:
    """Whether it is GNU make, and not older than macOS's."""
    said = _first_line("make", "--version")
    found = re.match(r"GNU Make (\d+)\.(\d+)", said)
    if found and (int(found[1]), int(found[2])) >= OLDEST_MAKE:
        yield ok(f"{said}.")
    else:
        wanted = ".".join(map(str, OLDEST_MAKE))
        yield problem(
            f"`make` is {said or 'missing'}, not GNU make {wanted} or newer.",
            "Install GNU make, and call it by its name if that is gmake.",
        )


def docker() -> Iterator[Finding]:
    """Say whether it answers; nothing depends on it but the targets that are named for it."""
    version = _first_line("docker", "version", "--format", "{{.Server.Version}}")
    if version:
        yield ok(f"Docker {version} answers.")
    else:
        yield note("Docker does not answer; only the targets that have it in their name need it.")


def _first_line(name: str, *arguments: str) -> str:
    program = shutil.which(name)
    if program is None:
        return ""
    try:
        answer = subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=True, timeout=5
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return answer.stdout.partition("\n")[0].strip()
