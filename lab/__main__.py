"""The commands of the lab: `.venv/bin/lab up|start|status|trace|…`; `--help` lists them all."""

import argparse
import os
import select
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Final

import psutil

from lab.stack.errors import LabError
from lab.stack.paths import Paths

# The function of each command. Only the module of the given command is imported: `lab start`, for
# example, needs neither the benchmark nor the tour.
COMMANDS: Final = {
    "up": "lab.stack.control:up",
    "start": "lab.stack.control:start",
    "status": "lab.stack.control:status",
    "roll": "lab.stack.control:roll",
    "stop": "lab.stack.control:stop",
    "reset": "lab.stack.control:reset",
    "admin": "lab.stack.control:admin",
    "seed": "lab.seed.command:seed",
    "bench": "lab.bench.command:bench",
    "profile": "lab.bench.profile:profile",
    "trace": "lab.trace.command:trace",
    "fault": "lab.fault.command:fault",
    "tour": "lab.tour.command:tour",
    "psql": "lab.stack.psql:psql",
}
# These commands parse the rest of the command line themselves.
WITH_ARGUMENTS: Final = {"trace", "fault", "tour", "psql"}
FAILED: Final = 1


def main() -> int:
    """Run one command. Return its exit status."""
    status = 0
    try:
        try:
            status = _run()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_has_ended():
            raise
        # The reader, such as `head`, has ended. At exit, Python flushes standard output once more,
        # which would print an error. So standard output is replaced.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _reader_has_ended() -> bool:
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def _run() -> int:
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    arguments = argparse.Namespace()
    if name not in WITH_ARGUMENTS:
        # A help text is a function's docstring, and reading it imports the function's module. So
        # the parser has only the given command.
        arguments = _parser([name] if name in COMMANDS else COMMANDS).parse_args()
    command, paths = _function(name), Paths.from_environment()
    try:
        if name in WITH_ARGUMENTS:
            return command(paths, sys.argv[2:])
        if name == "up" and arguments.report_to is not None:
            return command(paths, reporter=os.fdopen(arguments.report_to, "w"))
        return command(paths)
    except LabError as error:
        print(error, file=sys.stderr)
    except (PermissionError, psutil.AccessDenied) as error:
        print(
            f"{error}\nThe stack in {paths.root} belongs to another user. Run the command as that "
            "user (as root with sudo), or change the owner of the files:  "
            f"sudo chown -R {os.getuid()} {paths.root}",
            file=sys.stderr,
        )
    return FAILED


def _function(name: str) -> Callable[..., int]:
    module, _, function = COMMANDS[name].partition(":")
    command: Callable[..., int] = getattr(import_module(module), function)
    return command


def _parser(names: Iterable[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in names:
        summary = (_function(name).__doc__ or "").partition(";")[0].partition(".")[0]
        command = commands.add_parser(name, help=summary, description=summary)
        if name == "up":
            # The value is a file descriptor. `start` runs `up` in the background, and reads the
            # progress from this descriptor.
            command.add_argument("--report-to", type=int, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
