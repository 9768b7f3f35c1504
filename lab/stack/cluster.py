"""Making a PostgreSQL cluster: all of it, or nothing that looks like one."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab.stack import unprivileged
from lab.stack.errors import LabError
from lab.stack.secrets import write_private

# Spoken to a server in single-user mode, which takes one statement a line.
FIRST_WORDS = """\
CREATE ROLE roundtrip LOGIN PASSWORD '{password}'
CREATE DATABASE roundtrip OWNER roundtrip
"""


def create(programs: Path, data: Path, password: str, *, durable: bool) -> None:
    """Make a cluster in `data` with a superuser `postgres`, a role and a database `roundtrip`.

    It is built beside its place and moved there at the end, so that an interrupted attempt is
    simply made again. Sorting is that of C.UTF-8 from PostgreSQL itself: the same on every machine.

    :raises LabError: with what PostgreSQL said.
    """
    draft = data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    unprivileged.hand_over(draft)
    _initialise(programs, draft, password, durable=durable)
    _run(
        [str(programs / "postgres"), "--single", "-D", str(draft), "-c", "exit_on_error=on",
         "-c", f"fsync={'on' if durable else 'off'}", "postgres"],
        draft,
        FIRST_WORDS.format(password=password),
    )  # fmt: skip
    draft.rename(data)


def _initialise(programs: Path, data: Path, password: str, *, durable: bool) -> None:
    # `initdb` reads it again by name, so a pipe made by root would be closed to `nobody`.
    password_file = data.with_name("initial-password")
    write_private(password_file, password)
    unprivileged.hand_over(password_file)
    try:
        _run(
            [str(programs / "initdb"), "-D", str(data), "--username=postgres",
             f"--pwfile={password_file}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
             "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions",
             *([] if durable else ["--no-sync"])],
            data,
        )  # fmt: skip
    finally:
        password_file.unlink()


def neutral_environment() -> Mapping[str, str]:
    """Return the caller's, without what steers PostgreSQL's programs (PGDATA, PGOPTIONS, …)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def _run(command: list[str], directory: Path, words: str = "") -> None:
    result = subprocess.run(
        command,
        env=dict(neutral_environment()),
        cwd=directory,
        input=words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        # Ctrl-C in the terminal is for the supervisor, who then ends things in their order.
        start_new_session=True,
        **unprivileged.who(),
    )
    if result.returncode != 0:
        message = f"PostgreSQL's data could not be made in {directory}:\n\n{result.stdout}"
        raise LabError(message)
