"""`lab psql`: PostgreSQL's own terminal, on the database of the running stack."""

import os
import subprocess
from collections.abc import Sequence
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lab.stack import control, wheels
from lab.stack.paths import Paths


def psql(paths: Paths, arguments: Sequence[str]) -> int:
    """Talk SQL to the running stack's database; takes psql's own options."""
    stack = control.running(paths)
    url = stack.service_environment["DATABASE_URL"]
    known: dict[str, Any] = dict(
        conninfo_to_dict(url.replace("postgresql+psycopg:", "postgresql:", 1))
    )
    # Not among the arguments, which every user of the machine can see.
    password = known.pop("password", None)
    program = wheels.postgres_install() / "bin" / "psql"
    return subprocess.run(
        [str(program), f"--dbname={make_conninfo(**known)}", *arguments],
        env={**os.environ, **({"PGPASSWORD": str(password)} if password else {})},
        check=False,
    ).returncode
