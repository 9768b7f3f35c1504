"""Checks that .venv is complete, and has the right Python and the packages of requirements/."""

import sys
from collections.abc import Iterator

from lab import install
from lab.stack.processes.lock import is_held
from lab.stack.status.findings import Finding, note, ok, problem


def venv() -> Iterator[Finding]:
    """Report whether the next make target must change .venv. A change needs the network."""
    if is_held(install.LOCK):
        yield note("Packages are being installed into .venv right now.")
    elif not install.VENV.exists():
        yield ok(
            "There is no .venv yet. Every target, such as make up, creates it (needs network)."
        )
    elif install.INCOMPLETE.exists():
        yield problem(
            "An installation into .venv was interrupted.",
            "Repeat it (needs network):  make up",
        )
    elif (version := install.version_of_venv()) is None:
        yield problem(
            "The Python of .venv does not run. Was Python updated, or the checkout moved?",
            "Create .venv again (needs network):  make clean && make up",
        )
    elif version != sys.version_info[:2]:
        venv_version, current_version = _dotted(version), _dotted(sys.version_info[:2])
        yield problem(
            f".venv is of Python {venv_version}, but make finds {current_version}.",
            "Create .venv again:  make up   "
            f"Or use the old Python:  make up PYTHON=python{venv_version}",
        )
    else:
        yield from _sets()


def _sets() -> Iterator[Finding]:
    for name, target in (("lab", "up"), ("provider", "up"), ("dev", "test")):
        if not install.stamp(name).exists():
            continue
        if install.is_installed(name):
            yield ok(f".venv contains the packages of requirements/{name}.txt.")
        else:
            yield problem(
                f".venv has other versions than requirements/{name}.txt.",
                f"Update .venv (needs network):  make {target}",
            )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
