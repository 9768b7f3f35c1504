"""The release before this one: the service as it was when the newest migration was not there."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.service import CHECKOUT

_VERSIONS = CHECKOUT / "migrations" / "versions"


def release_before(directory: Path) -> Path:
    """Unpack it there. Skips the test where git does not know it, as in a shallow clone."""
    newest = max(_VERSIONS.glob("*.py"))
    try:
        # A migration that is not committed yet comes after all that is.
        added = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", str(newest)).decode()
        archive = _git("archive", f"{added.strip()}^" if added else "HEAD")
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip(
            f"git does not know the release before {newest.name}, as in a shallow clone "
            f"(git fetch --unshallow, or fetch-depth: 0 in CI): nothing has been proved"
        )
    with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
        tree.extractall(directory, filter="data")
    assert not (directory / newest.relative_to(CHECKOUT)).exists()
    return directory


def _git(*arguments: str) -> bytes:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True).stdout
