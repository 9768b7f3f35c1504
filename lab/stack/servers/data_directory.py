"""Creates the data directory of a PostgreSQL server, and the service's database in it."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab.stack.config.paths import CHECKOUT
from lab.stack.config.ports import LOOPBACK
from lab.stack.config.secrets import write_private
from lab.stack.errors import LabError
from lab.stack.servers import unprivileged

DATABASE_SCRIPT = CHECKOUT / "deploy" / "postgres.sql"


def create(programs: Path, data: Path, password: str, *, durable: bool) -> None:
    """Create the directory `data` for a server with the superuser `postgres`.

    An interrupted call leaves only `data.new`, and the next call starts again. The locale is
    PostgreSQL's builtin C.UTF-8, which sorts text in the same way on every machine.

    :raises LabError: when PostgreSQL fails, with its output.
    """
    draft = data.with_name("data.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    unprivileged.hand_over(draft)
    _initialise(programs, draft, password, durable=durable)
    draft.rename(data)


def _initialise(programs: Path, data: Path, password: str, *, durable: bool) -> None:
    # `initdb` opens the password file by name. If root runs the stack, `initdb` runs as the user
    # `nobody`, who could not open a pipe of root. So this is a regular file.
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
            unprivileged.popen_user(),
        )  # fmt: skip
    finally:
        password_file.unlink()


def create_database(programs: Path, *, port: int, passwords: Mapping[str, str]) -> None:
    """Create the database `roundtrip` and its roles, or make `migrator` own an older database.

    `passwords` has the password of each role. The server must be running.

    :raises LabError: when PostgreSQL returns an error.
    """
    _run(
        [str(programs / "psql"), "--no-psqlrc", "--quiet",
         f"--dbname=postgresql://postgres@{LOOPBACK}:{port}/postgres",
         f"--file={DATABASE_SCRIPT}"],
        CHECKOUT,
        # psql runs as the caller, because the user `nobody` might not be able to read the checkout.
        {},
        PGPASSWORD=passwords["postgres"],
        PGCONNECT_TIMEOUT="10",
        DATABASE_PASSWORD=passwords["roundtrip"],
        MIGRATOR_PASSWORD=passwords["migrator"],
    )  # fmt: skip


def neutral_environment() -> Mapping[str, str]:
    """Return the caller's environment without variables of PostgreSQL and its container image."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PG", "POSTGRES_"))
    }
    return {**kept, "LC_ALL": "C"}


def _run(
    command: list[str], directory: Path, user: unprivileged.PopenUser, **environment: str
) -> None:
    result = subprocess.run(
        command,
        env={**neutral_environment(), **environment},
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        # Ctrl-C must reach only the supervisor, which stops the servers in order.
        start_new_session=True,
        **user,
    )
    if result.returncode != 0:
        raise LabError(f"PostgreSQL could not create its database:\n\n{result.stdout}")
