"""The commands of the lab: `.venv/bin/lab up|start|status|trace|…`; `--help` lists all."""

import argparse
import os
import select
import sys

import psutil

from lab.bench.command import bench
from lab.bench.profile import profile
from lab.fault.command import fault
from lab.seed.command import seed
from lab.stack import control
from lab.stack.errors import LabError
from lab.stack.paths import Paths
from lab.stack.psql import psql
from lab.tour.command import tour
from lab.trace.command import trace

COMMANDS = {
    "start": control.start,
    "status": control.status,
    "roll": control.roll,
    "stop": control.stop,
    "reset": control.reset,
    "admin": control.admin,
    "seed": seed,
    "bench": bench,
    "profile": profile,
}

# These read the rest of the command line themselves.
COMMANDS_WITH_ARGUMENTS = {"trace": trace, "fault": fault, "tour": tour, "psql": psql}


def main() -> int:
    """Run one command. Return its exit status."""
    status = control.OK
    try:
        try:
            status = _run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_has_ended():
            raise
        # The reader, such as `head`, has ended. At exit, Python flushes standard output once more,
        # which would print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _reader_has_ended() -> bool:
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def _run() -> int:
    command = COMMANDS_WITH_ARGUMENTS.get(sys.argv[1]) if len(sys.argv) > 1 else None
    arguments = _parser().parse_args() if command is None else argparse.Namespace()
    paths = Paths.from_environment()
    try:
        if command is not None:
            return command(paths, sys.argv[2:])
        if arguments.command == "up":
            reporter = None if arguments.report_to is None else os.fdopen(arguments.report_to, "w")
            return control.up(paths, reporter=reporter)
        return COMMANDS[arguments.command](paths)
    except LabError as error:
        print(error, file=sys.stderr)
    except (PermissionError, psutil.AccessDenied) as error:
        print(
            f"{error}\nThe stack in {paths.root} belongs to another user. Run the command as that "
            "user (as root with sudo), or change the owner of the files:  "
            f"sudo chown -R {os.getuid()} {paths.root}",
            file=sys.stderr,
        )
    return control.FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run the stack here until Ctrl-C")
    # A file descriptor. `start`, which runs this in the background, reads the progress from it.
    up.add_argument("--report-to", type=int, help=argparse.SUPPRESS)
    for name, command in (COMMANDS | COMMANDS_WITH_ARGUMENTS).items():
        commands.add_parser(name, help=(command.__doc__ or "").partition(";")[0].partition(".")[0])
    return parser


if __name__ == "__main__":
    sys.exit(main())
