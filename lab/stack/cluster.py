"""Creates a PostgreSQL cluster atomically: after an interruption, there is no partial cluster."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab.stack import unprivileged
from lab.stack.errors import LabError
from lab.stack.secrets import write_private

# For a server in single-user mode, which reads one statement a line.
INITIAL_STATEMENTS = """\
CREATE ROLE roundtrip LOGIN PASSWORD '{password}'
CREATE DATABASE roundtrip OWNER roundtrip
"""


def create(programs: Path, data: Path, password: str, *, durable: bool) -> None:
    """Create a cluster in `data` with a superuser `postgres`, a role and a database `roundtrip`.

    The cluster is created in `data.new` and renamed at the end, so that an interrupted attempt can
    be repeated. Its locale is PostgreSQL's builtin C.UTF-8, which sorts alike on every machine.

    :raises LabError: when PostgreSQL fails, with its output.
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
        INITIAL_STATEMENTS.format(password=password),
    )  # fmt: skip
    draft.rename(data)


def _initialise(programs: Path, data: Path, password: str, *, durable: bool) -> None:
    # `initdb` opens it by name. As `nobody`, it could not open a pipe that root has created.
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
    """Return the caller's environment without PostgreSQL's variables (PGDATA, PGOPTIONS, …)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "LC_ALL": "C"}


def _run(command: list[str], directory: Path, statements: str = "") -> None:
    result = subprocess.run(
        command,
        env=dict(neutral_environment()),
        cwd=directory,
        input=statements,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        # Ctrl-C in the terminal must reach only the supervisor, which stops everything in order.
        start_new_session=True,
        **unprivileged.popen_user(),
    )
    if result.returncode != 0:
        message = f"PostgreSQL could not create its data in {directory}:\n\n{result.stdout}"
        raise LabError(message)
