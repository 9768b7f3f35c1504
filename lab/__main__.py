"""The commands of the lab: `.venv/bin/lab up|start|status|…`; `--help` lists all."""

import argparse
import os
import sys

import psutil

from lab.bench.command import bench
from lab.bench.profile import profile
from lab.seed.command import seed
from lab.stack import control
from lab.stack.errors import LabError
from lab.stack.paths import Paths

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


def main() -> int:
    """Run one command; its exit status."""
    arguments = _parser().parse_args()
    paths = Paths.from_environment()
    try:
        if arguments.command == "up":
            reporter = None if arguments.report_to is None else os.fdopen(arguments.report_to, "w")
            return control.up(paths, reporter=reporter)
        return COMMANDS[arguments.command](paths)
    except LabError as error:
        print(error, file=sys.stderr)
    except (PermissionError, psutil.AccessDenied) as error:
        print(
            f"{error}\nThe stack in {paths.root} belongs to another user: do it as that one, for "
            f"root with sudo, or make the files yours:  sudo chown -R {os.getuid()} {paths.root}",
            file=sys.stderr,
        )
    return control.FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="run the stack here until Ctrl-C")
    # Says to `start`, which runs this in the background, how it goes.
    up.add_argument("--report-to", type=int, help=argparse.SUPPRESS)
    for name, command in COMMANDS.items():
        commands.add_parser(name, help=(command.__doc__ or "").partition(";")[0].partition(".")[0])
    return parser


if __name__ == "__main__":
    sys.exit(main())
