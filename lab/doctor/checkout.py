"""Where the checkout lies, and what has happened to its files."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab.doctor.findings import Finding, ok, problem

# What programs read that stumble over a carriage return. Python does not.
SCRIPTS = ("Makefile", ".ci/run", "lab/*.sh", ".github/*.sh", "deploy/*", ".env.example")

# All packages, pip's copies of them, and a database with something in it.
NEEDED_BYTES = 2 * 1024**3

# File systems keep times in steps, and networked ones have a clock of their own.
TOLERANCE_S = 120


def place(checkout: Path) -> Iterator[Finding]:
    """Whether Python can make a virtual environment at that path."""
    if os.pathsep in str(checkout):
        yield problem(
            f"The path {checkout} has a colon, which separates the entries of PATH.",
            "Move the checkout to a path without one.",
        )


def line_endings(checkout: Path) -> Iterator[Finding]:
    """Whether Windows' line endings have come into scripts, by a zip file or another git's ways."""
    scripts = [path for pattern in SCRIPTS for path in checkout.glob(pattern) if path.is_file()]
    spoilt = [str(path.relative_to(checkout)) for path in scripts if b"\r\n" in path.read_bytes()]
    if spoilt:
        names = " ".join(spoilt)
        remedy = f"Mend them:  perl -pi -e 's/\\r$//' {names}"
        yield problem(f"Windows line endings: {names}.", remedy)
    else:
        yield ok("Scripts have the line endings that they need.")


def disk(checkout: Path, needed: int = NEEDED_BYTES) -> Iterator[Finding]:
    """Whether there is room for packages and data, and for what tests write elsewhere."""
    places = {path.stat().st_dev: path for path in (Path(tempfile.gettempdir()), checkout)}
    for path in places.values():
        free = shutil.disk_usage(path).free
        if free < needed:
            yield problem(
                f"{path} has {_gib(free)} free, and needs {_gib(needed)}.",
                "Make room; see what takes it:  du -xh -d1 ~ | sort -h",
            )
        else:
            yield ok(f"{path} has {_gib(free)} free.")


def clock(checkout: Path, data: Path) -> Iterator[Finding]:
    """Whether files were written in the future: the clock went back, and tokens go by it."""
    written = [
        (entry.stat(follow_symlinks=False).st_mtime, entry.path)
        for directory in (checkout, data)
        if directory.is_dir()
        for entry in os.scandir(directory)
    ]
    latest, path = max(written)
    ahead = latest - time.time()
    if ahead > TOLERANCE_S:
        yield problem(
            f"The clock is behind: {path} was written {ahead / 60:.0f} minutes from now.",
            "Set it, such as by  sudo timedatectl set-ntp true",
        )
    else:
        yield ok("The clock is not behind the files here.")


def _gib(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"
