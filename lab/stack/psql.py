"""`lab psql`: PostgreSQL's own terminal, on the database of the running stack."""

import os
import signal
from collections.abc import Sequence
from typing import Any, NoReturn

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lab.stack import control, wheels
from lab.stack.paths import Paths


def psql(paths: Paths, arguments: Sequence[str]) -> NoReturn:
    """Talk SQL to the running stack's database; takes psql's own options."""
    known: dict[str, Any] = dict(conninfo_to_dict(control.running(paths).libpq_url))
    # Not among the arguments, which every user of the machine can see.
    password = known.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    program = str(wheels.postgres_install() / "bin" / "psql")
    # Python ignores it, and psql would inherit that: `lab psql … | head` would have no end.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    command = [program, f"--dbname={make_conninfo(**known)}", *arguments]
    # Nothing of Python stays: Ctrl-C is for psql alone, which cancels its query and goes on.
    os.execve(program, command, environment)  # noqa: S606 - a shell is not wanted
