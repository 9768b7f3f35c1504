"""A copy of this checkout, for tests that change its files."""

import shutil
import subprocess
from pathlib import Path

from tests.service import CHECKOUT


def copy_checkout(directory: Path) -> Path:
    """Make `directory` a Git repository with the files of this checkout, and link its `.venv`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    for name in filter(lambda name: (CHECKOUT / name).is_file(), names.splitlines()):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, directory / name)
    # `.venv` is not a single link, because `make lint` writes the launcher `lab` of its own
    # checkout into it.
    (directory / ".venv" / "bin").mkdir(parents=True)
    for installed in (CHECKOUT / ".venv").glob("*"):
        if installed.name != "bin":
            (directory / ".venv" / installed.name).symlink_to(installed)
    for program in (CHECKOUT / ".venv" / "bin").glob("*"):
        if program.name != "lab":
            (directory / ".venv" / "bin" / program.name).symlink_to(program)
    subprocess.run(["git", "init", "--quiet"], cwd=directory, check=True)
    (directory / ".git" / "info" / "exclude").write_text("/.venv\n/home/\n")
    return directory
