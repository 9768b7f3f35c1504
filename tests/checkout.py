"""A copy of this checkout, for tests that change its files."""

import shutil
import subprocess
from pathlib import Path

from tests.service import CHECKOUT


def copy_files(directory: Path) -> None:
    """Copy the files that are or could be committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    for name in filter(lambda name: (CHECKOUT / name).is_file(), names.splitlines()):
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(CHECKOUT / name, directory / name)


def copy_checkout(directory: Path) -> Path:
    """Make `directory` a Git repository with a copy of the files, and links to the `.venv`."""
    copy_files(directory)
    # Each entry of `.venv` is a link of its own. `make lint` in the copy writes a launcher `lab`
    # into `.venv`. If the whole `.venv` were one link, it would replace this checkout's launcher.
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
