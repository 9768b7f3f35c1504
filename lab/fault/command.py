"""`lab fault`: breaks one part of the running stack on purpose, and heals it."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import click

from lab.fault import nodes, servers
from lab.stack import control
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError
from lab.stack.processes.lock import is_held
from lab.stack.servers.server import Server
from lab.stack.slow_sql import SlowSql
from lab.stack.stack import Stack
from lab.trace.options import milliseconds

MAX_DELAY_MS: Final = 10_000


def _delay(text: str) -> float | None:
    if text == "heal":
        return None
    delay_ms = milliseconds(text)
    if not 1 <= delay_ms <= MAX_DELAY_MS:
        raise click.BadParameter(f"`{text}` is not between 1ms and {MAX_DELAY_MS // 1000}s")
    return delay_ms


@click.group(epilog="Example:  lab fault redis stop")
def fault() -> None:
    """Break one part of the running stack on purpose, or heal it.

    Each command prints the command that heals the part. Stopping or restarting the stack heals all
    faults. Servers of your own (DATABASE_URL, REDIS_URL) are never changed.
    """


def _change_servers(part: str, paths: Paths, action: str) -> int:
    stack = control.running(paths)
    print(_change_all(_own_servers(stack, part), action))
    return control.OK


for _part in ("redis", "postgres"):
    fault.add_command(
        click.Command(
            _part,
            callback=click.pass_obj(partial(_change_servers, _part)),
            params=[click.Argument(["action"], type=click.Choice(("stop", "freeze", "heal")))],
            help="stop: refuse connections; freeze: never answer; heal: end the fault",
            epilog=f"Example:  lab fault {_part} freeze",
        )
    )


@fault.command(epilog="Example:  lab fault app kill app-2")
@click.argument("action", type=click.Choice(("kill",)))
@click.argument("name", default="app-1")
@click.pass_obj
def app(paths: Paths, action: str, name: str) -> int:
    """Kill an app process; the supervisor starts a new one."""
    del action  # The only action is `kill`.
    print(servers.kill_app(control.running(paths), name))
    return control.OK


@fault.command(epilog="Example:  lab fault worker stop")
@click.argument("action", type=click.Choice(("kill", "stop", "freeze", "heal")))
@click.pass_obj
def worker(paths: Paths, action: str) -> int:
    """kill: the supervisor starts a new one; stop, freeze: jobs wait; heal: end the fault.

    If the stack has several workers, the command changes all of them.
    """
    stack = control.running(paths)
    killed = action == "kill"
    print(servers.kill_workers(stack) if killed else _change_all(stack.workers, action))
    return control.OK


@fault.command(epilog="Example:  lab fault node kill valkey-1")
@click.argument("action", type=click.Choice(("kill", "freeze", "heal")))
@click.argument("name", required=False)
@click.pass_obj
def node(paths: Paths, action: str, name: str | None) -> int:
    """kill, freeze: a machine of `make cluster` fails; heal: it works again.

    NAME is node-1 to node-3 (PostgreSQL with its PgBouncer) or valkey-1 to valkey-3. Without NAME,
    `kill` and `freeze` use the machine of the database's primary, and `heal` uses all machines.
    """
    change = {"kill": nodes.kill, "freeze": nodes.freeze, "heal": nodes.heal}[action]
    print(change(nodes.running_cluster(paths), name))
    return control.OK


@fault.command("slow-sql", epilog="Example:  lab fault slow-sql 300ms")
@click.argument("delay_ms", type=_delay, metavar="300ms|heal")
@click.pass_obj
def slow_sql(paths: Paths, delay_ms: float | None) -> int:
    """Delay every statement; heal ends this."""
    print(_slow_sql(control.running(paths), delay_ms))
    return control.OK


def _change_all(changed: Sequence[Server], action: str) -> str:
    """Change servers of the same kind. Return the message for a server that was changed, if any."""
    change = {"stop": servers.stop, "freeze": servers.freeze_server, "heal": servers.heal}[action]
    texts = [change(server) for server in changed]
    return max(texts, key=lambda text: text != servers.HEALTHY)


def _slow_sql(stack: Stack, delay_ms: float | None) -> str:
    _own_servers(stack, "postgres")
    slow_sql = SlowSql(stack.postgres)
    if delay_ms is not None:
        slow_sql.slow(delay_ms)
        return (
            f"Each statement of the service takes {delay_ms:g} ms longer. "
            "Heal it:  .venv/bin/lab fault slow-sql heal"
        )
    if slow_sql.heal():
        return "Statements are no longer delayed."
    return "Statements are not delayed: there is nothing to heal."


def _own_servers(stack: Stack, part: str) -> list[Server]:
    """Return the stack's own servers of this part.

    :raises LabError: when the caller's servers replace all servers of this part.
    """
    all_servers: list[Server] = (
        [stack.postgres] if part == "postgres" else [stack.valkey, stack.limits]
    )
    own = [server for server in all_servers if server in stack.storage]
    if not own:
        variable = "DATABASE_URL" if part == "postgres" else "REDIS_URL"
        if is_held(stack.paths.cluster_lock):
            raise LabError("Break a server of the cluster:  .venv/bin/lab fault node kill")
        raise LabError(
            f"{variable} names your own server, which is never changed. To use the stack's server:"
            f"  make stop && env -u {variable} make start"
        )
    return own
