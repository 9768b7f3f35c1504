"""`lab psql`: psql on the database of the running stack."""

import os
import signal
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from lab.stack import control
from lab.stack.config.paths import Paths
from lab.stack.servers import wheels


@click.command(
    add_help_option=False,
    # All options are psql's own.
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example:  lab psql --command 'SELECT count(*) FROM users'",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def psql(context: click.Context, arguments: Sequence[str]) -> int:
    """Open psql on the running stack's database.

    All options are psql's own; `lab psql --help=options` lists them.
    """
    if tuple(arguments) != ("--help",):
        _become_psql(context.obj, arguments)
    print(context.get_help())
    return control.OK


def _become_psql(paths: Paths, arguments: Sequence[str]) -> NoReturn:
    parameters: dict[str, Any] = {}
    if not any(argument.startswith("--help=") for argument in arguments):
        parameters = dict(conninfo_to_dict(control.running(paths).libpq_migrator_url))
    # Pass the password in a variable: every user of the machine can see the arguments.
    password = parameters.pop("password", None)
    environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
    program = str(wheels.postgres_install() / "bin" / "psql")
    # Python ignores SIGPIPE, and psql would inherit this. Then `lab psql … | head` would never end.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    command = [program, f"--dbname={make_conninfo(**parameters)}", *arguments]
    # psql replaces this process, so that only psql receives Ctrl-C, which cancels its query.
    os.execve(program, command, environment)  # noqa: S606 - a shell is not wanted
