"""The packages in .venv: whole, of the right Python, and those that requirements/ names."""

import sys
from collections.abc import Iterator

from lab import install
from lab.doctor.findings import Finding, note, ok, problem
from lab.stack.lock import is_held


def venv() -> Iterator[Finding]:
    """Say what the next target would have to do to .venv, which takes its time and the network."""
    if is_held(install.LOCK):
        yield note("Packages are being installed into .venv right now.")
    elif not install.VENV.exists():
        yield ok("There is no .venv yet; make up, like every target, makes it, by the network.")
    elif install.HALF_DONE.exists():
        yield problem(
            "An installation into .venv was interrupted.",
            "Do it again, with the network there:  make up",
        )
    elif (version := install.version_of_venv()) is None:
        yield problem(
            "The Python of .venv does not run; was the system's updated, or the checkout moved?",
            "Make it anew, with the network there:  make clean && make up",
        )
    elif version != sys.version_info[:2]:
        of_venv, found = _dotted(version), _dotted(sys.version_info[:2])
        yield problem(
            f".venv is of Python {of_venv}, and make finds {found}, for which it makes .venv anew.",
            f"Let it:  make up   Or name the old one:  make up PYTHON=python{of_venv}",
        )
    else:
        yield from _sets()


def _sets() -> Iterator[Finding]:
    for name, target in (("lab", "up"), ("dev", "test")):
        if not install.stamp(name).exists():
            continue
        if install.is_installed(name):
            yield ok(f".venv has what requirements/{name}.txt names.")
        else:
            yield problem(
                f".venv has other versions than requirements/{name}.txt names.",
                f"Bring it up to date, with the network there:  make {target}",
            )


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
