"""`lab status`: prints each part of the running stack with its address and its health."""

from collections.abc import Iterator

import click

from lab.stack.config.paths import Paths
from lab.stack.servers.provider import PERSON
from lab.stack.stack import Stack
from lab.stack.status.health import Part, examine

OK, PROBLEM, NOT_RUNNING = 0, 1, 3


@click.command(epilog="Example:  lab status --secrets")
@click.option("--secrets", is_flag=True, help="Show the passwords of the servers, too.")
@click.pass_obj
def status(paths: Paths, *, secrets: bool) -> int:
    """Print each part with its address and its health.

    Exit status: 0 all parts are ready or starting; 1 a part has a problem; 3 no stack runs
    """
    return show(paths, secrets=secrets)


def show(paths: Paths, *, secrets: bool = False) -> int:
    """Print the parts, then what is wrong and how to fix it. Return the exit status."""
    health = examine(paths)
    if health.stack is None:
        found = "\n".join(map(str, health.findings))
        print(found or "The stack does not run. Start it:  make start")
        return NOT_RUNNING
    lines = [*_table(health.stack, health.parts), *health.findings]
    print(*lines, *(_secrets(health.stack) if secrets else ()), sep="\n")
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


def _secrets(stack: Stack) -> Iterator[str]:
    for server in (stack.postgres, stack.valkey, stack.limits):
        if server in stack.storage:
            yield f"{server.name:<12} {server.url}"
    if stack.providers:
        yield f"{stack.provider.name:<12} user {PERSON.user_name}, password {PERSON.password}"
