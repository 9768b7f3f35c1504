"""A copy of this checkout, for tests that change its files."""

import shutil
import subprocess
from pathlib import Path

from tests.service import CHECKOUT


def copy_files(directory: Path) -> None:
    """Copy the files that Git tracks, and new files that Git does not ignore."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    for name in filter(lambda name: (CHECKOUT / name).is_file(), names.splitlines()):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, directory / name)


def copy_checkout(directory: Path) -> Path:
    """Make `directory` a Git repository with copies of the files and links into the `.venv`."""
    copy_files(directory)
    # `make lint` in the copy writes the launcher `.venv/bin/lab`. If all of `.venv` were one link,
    # `make lint` would replace this checkout's launcher. So each entry but `lab` gets its own link.
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
