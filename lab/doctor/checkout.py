"""Checks of the checkout: its path, its files, the disk and the clock."""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab.stack.config.paths import CHECKOUT
from lab.stack.status.findings import Finding, ok, problem

# Enough for all packages, uv's cache of them, and a database with some data.
NEEDED_BYTES = 2 * 1024**3

# A file's time may differ from this machine's clock: file systems round times, and a network file
# system has its own clock.
CLOCK_TOLERANCE_SECONDS = 120


def checkout_path(checkout: Path) -> Iterator[Finding]:
    """Check that Python can create a virtual environment at the path of the checkout."""
    if os.pathsep in str(checkout):
        yield problem(
            f"The path {checkout} has a colon, which separates the entries of PATH.",
            "Move the checkout to a path without a colon.",
        )


def disk(checkout: Path, needed_bytes: int = NEEDED_BYTES) -> Iterator[Finding]:
    """Check the free space for packages and data, and for the tests' temporary files."""
    file_systems = {path.stat().st_dev: path for path in (Path(tempfile.gettempdir()), checkout)}
    for path in file_systems.values():
        free_bytes = shutil.disk_usage(path).free
        if free_bytes < needed_bytes:
            yield problem(
                f"{path} has {_gib(free_bytes)} free, and needs {_gib(needed_bytes)}.",
                "Delete files. See what is large:  du -xh -d1 ~ | sort -h",
            )
        else:
            yield ok(f"{path} has {_gib(free_bytes)} free.")


def clock(data: Path) -> Iterator[Finding]:
    """Check that no entry of the checkout or of `data` is newer than the clock's time.

    If an entry is newer, the clock is slow. A wrong clock makes tokens invalid.
    """
    written = [
        (entry.stat(follow_symlinks=False).st_mtime, entry.path)
        for directory in (CHECKOUT, data)
        if directory.is_dir()
        for entry in os.scandir(directory)
    ]
    latest, path = max(written)
    ahead = latest - time.time()
    if ahead > CLOCK_TOLERANCE_SECONDS:
        yield problem(
            f"The clock is slow: {path} has a time {ahead / 60:.0f} minutes in the future.",
            "Set the clock, for example:  sudo timedatectl set-ntp true",
        )
    else:
        yield ok("No file here is newer than the clock's time.")


def _gib(size_bytes: int) -> str:
    return f"{size_bytes / 1024**3:.1f} GiB"
