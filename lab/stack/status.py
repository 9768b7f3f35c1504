"""`lab status`: prints each part of the running stack with its address and its health."""

from collections.abc import Iterator

import click

from lab.stack.health import Part, examine
from lab.stack.paths import Paths
from lab.stack.stack import Stack

OK, PROBLEM, NOT_RUNNING = 0, 1, 3


@click.command(epilog="Example:  lab status")
@click.pass_obj
def status(paths: Paths) -> int:
    """Print each part with its address and its health.

    Exit status: 0 all parts are ready or starting; 1 a part has a problem; 3 no stack runs
    """
    return show(paths)


def show(paths: Paths) -> int:
    """Print the parts, then what is wrong and how to fix it. Return the exit status."""
    health = examine(paths)
    if health.stack is None:
        found = "\n".join(map(str, health.findings))
        print(found or "The stack does not run. Start it:  make start")
        return NOT_RUNNING
    print(*_table(health.stack, health.parts), *health.findings, sep="\n")
    return PROBLEM if any(it.verdict == "problem" for it in health.findings) else OK


def _table(stack: Stack, parts: list[Part]) -> Iterator[str]:
    yield _row("part", "pid", "port", "health")
    for part in parts:
        pid, port = (part.process.pid, part.server.port) if part.process else ("-", "-")
        yield _row(part.server.name, pid, port or "-", part.state)
    for name, variable, value in (
        ("PostgreSQL", "DATABASE_URL", stack.choices.database_url),
        ("Redis", "REDIS_URL", stack.choices.redis_url),
        ("limits", "RATE_LIMIT_REDIS_URL", stack.choices.rate_limit_redis_url),
        ("provider", "OIDC_ISSUER", stack.choices.oidc_issuer),
    ):
        if value is not None:
            yield _row(name, "", "", f"yours, from {variable}")


def _row(name: str, pid: object, port: object, health: str) -> str:
    return f"{name:<12} {pid:>8} {port:>6}   {health}"
