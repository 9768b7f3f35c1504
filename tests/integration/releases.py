"""The previous release: the commit before the newest migration was added."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.service import CHECKOUT

_VERSIONS = CHECKOUT / "migrations" / "versions"


def previous_release(directory: Path) -> Path:
    """Extract the previous release to a directory, and return the directory.

    Skip the test if git does not have the commit of this release (shallow clone).
    """
    newest = max(_VERSIONS.glob("*.py"))
    try:
        # If the newest migration is not committed yet, HEAD is the previous release.
        added = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", str(newest)).decode()
        archive = _git("archive", f"{added.strip()}^" if added else "HEAD")
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip(
            f"git does not have the commit before {newest.name}. If this is a shallow clone, get "
            f"the commit with `git fetch --unshallow`, or in CI with `fetch-depth: 0`."
        )
    with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
        tree.extractall(directory, filter="data")
    assert not (directory / newest.relative_to(CHECKOUT)).exists()
    return directory


def _git(*arguments: str) -> bytes:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True).stdout
