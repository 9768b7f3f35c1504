"""The commands of the lab: `.venv/bin/lab up|start|status|trace|…`; `--help` lists all."""

import os
import select
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final, NamedTuple

import click
import psutil
from click.exceptions import NoSuchCommand

from lab.stack.config.paths import Paths
from lab.stack.errors import LabError, ownership_message

FAILED: Final = 1


class Entry(NamedTuple):
    """One command: a function or a `click.Command` as `module:name`, its help, and an example."""

    target: str
    summary: str
    example: str = ""


COMMANDS: Final = {
    "up": Entry(
        "lab.stack.control:up",
        "Run the stack in the foreground. It logs each request. Ctrl-C stops it.",
        "HTTP_PORT=8081 lab up",
    ),
    "start": Entry(
        "lab.stack.background:start",
        "Run the stack in the background. Returns when it can serve requests.",
        "RATE_LIMIT_LOGIN=3/minute lab start",
    ),
    "status": Entry(
        "lab.stack.status.command:status", "Print each part with its address and health."
    ),
    "roll": Entry(
        "lab.stack.control:roll",
        "Replace the app processes one after another, then the workers. No request fails.",
        "lab roll",
    ),
    "stop": Entry(
        "lab.ending:stop",
        "Stop the stack. The data are kept. If a stack was killed, its processes are stopped, too.",
        "lab stop",
    ),
    "reset": Entry(
        "lab.ending:reset",
        "Stop the stack and delete its data. These are the database, messages, secrets, "
        "certificates, logs.",
        "lab reset && lab start",
    ),
    "admin": Entry(
        "lab.stack.control:admin",
        "Create an administrator. Set the variables EMAIL and PASSWORD.",
        "EMAIL=chidi@example.com PASSWORD='seven small green apples' lab admin",
    ),
    "seed": Entry(
        "lab.seed.command:seed",
        "Fill the stack with products, users, and SEED_ORDERS orders.",
        "SEED_ORDERS=10000 lab seed",
    ),
    "bench": Entry(
        "lab.bench.command:bench",
        "Measure the service. The result is written to docs/benchmarks.md.",
        "BENCH_SECONDS=1 BENCH_ROUNDS=1 BENCH_REPORT=/tmp/report.md lab bench",
    ),
    "profile": Entry(
        "lab.bench.profile:profile",
        "Show what one route spends its time on. ROUTE is user, cold, products, order, signup, "
        "login, page or graphql.",
        "ROUTE=order lab profile",
    ),
    "trace": Entry("lab.trace.command:trace", "Send a request and show each of its stages."),
    "mail": Entry("lab.mail.command:mail", "Show the messages that the service has sent."),
    "fault": Entry(
        "lab.fault.command:fault", "Break one part of the running stack on purpose, or heal it."
    ),
    "cluster": Entry(
        "lab.cluster.command:cluster", "Run the stack on a database and a Redis that fail over."
    ),
    "tour": Entry("lab.tour.command:tour", "Play the chapters of docs/tour/ step by step."),
    "psql": Entry("lab.stack.psql:psql", "Open psql on the database of the running stack."),
}


class _Commands(click.Group):
    """Imports only the command that runs: `lab start` needs neither the benchmark nor the tour."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        if name not in COMMANDS:
            raise NoSuchCommand(name, possibilities=COMMANDS, ctx=ctx)
        entry = COMMANDS[name]
        module, _, attribute = entry.target.partition(":")
        target = getattr(import_module(module), attribute)
        if isinstance(target, click.Command):
            return target
        return click.Command(
            name,
            callback=click.pass_obj(target),
            help=entry.summary,
            epilog=f"Example:  {entry.example}",
        )

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, entry.summary.partition(".")[0]) for name, entry in COMMANDS.items()]
            )


lab: Final = _Commands(
    "lab",
    help="Run and observe the service on this machine.",
    epilog="Example:  lab trace POST /api/users --help",
    context_settings={"max_content_width": 100},
)


def main() -> int:
    """Run one command. Return its exit status."""
    status = 0
    try:
        try:
            status = _run(sys.argv[1:])
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _reader_has_ended():
            raise
        # The reader, such as `head`, has ended. At exit, Python flushes standard output again. With
        # the closed pipe, this flush would print an error.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _reader_has_ended() -> bool:
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def _run(arguments: Sequence[str]) -> int:
    paths = Paths.from_environment()
    try:
        # Click's `lab.main()` would exit with 1 when the reader of the output has ended.
        with lab.make_context("lab", list(arguments), obj=paths) as context:
            return int(lab.invoke(context))
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except LabError as error:
        print(error, file=sys.stderr)
    except (PermissionError, psutil.AccessDenied) as error:
        print(ownership_message(error, paths.root), file=sys.stderr)
    except KeyboardInterrupt:
        # End by SIGINT, not with an exit status. Then a shell loop around this command ends, too.
        sys.stdout.flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
