"""`lab fault`: breaks one part of the running stack on purpose, and heals it."""

import argparse
from collections.abc import Sequence
from typing import Final

from lab.fault import servers
from lab.stack import control
from lab.stack.errors import LabError
from lab.stack.paths import Paths
from lab.stack.servers import Server
from lab.stack.slow_sql import SlowSql
from lab.stack.stack import APPS, Stack
from lab.trace.options import milliseconds

MAX_DELAY_MS: Final = 10_000

_DESCRIPTION = """\
Break one part of the running stack on purpose. Each command prints the command that heals it.
Stopping or restarting the stack heals all faults. Servers of your own (DATABASE_URL, REDIS_URL) are
never changed.
"""


def fault(paths: Paths, arguments: Sequence[str]) -> int:
    """Break one part of the running stack on purpose, or heal it."""
    options = _parser().parse_args(arguments)
    stack = control.running(paths)
    if options.part == "app":
        message = servers.kill_app(stack, options.name)
    elif options.part == "slow-sql":
        message = _slow_sql(stack, options.delay)
    else:
        changed = [
            _change(server, options.part, options.action)
            for server in _own_servers(stack, options.part)
        ]
        # `redis` means two servers, but one message is enough. If the state of a server has
        # changed, print the message of that server.
        message = max(changed, key=lambda text: text != servers.HEALTHY)
    print(message)
    return control.OK


def _change(server: Server, part: str, action: str) -> str:
    if action == "heal":
        return servers.heal(server)
    return (servers.stop if action == "stop" else servers.freeze_server)(server, part)


def _slow_sql(stack: Stack, delay_ms: float | None) -> str:
    _own_servers(stack, "postgres")
    slow_sql = SlowSql(stack.postgres)
    if delay_ms is not None:
        slow_sql.slow(delay_ms)
        return (
            f"Each statement of the service takes {delay_ms:g} ms longer. "
            "Heal it:  lab fault slow-sql heal"
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
        raise LabError(
            f"{variable} names your own server, which is never changed. To use the stack's server:"
            f"  make stop && env -u {variable} make start"
        )
    return own


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab fault", description=_DESCRIPTION)
    parts = parser.add_subparsers(dest="part", required=True)
    for part in ("redis", "postgres"):
        server = parts.add_parser(
            part, help="stop: refuse connections; freeze: never answer; heal: end the fault"
        )
        server.add_argument("action", choices=("stop", "freeze", "heal"))
    app = parts.add_parser("app", help="kill an app process; the supervisor starts a new one")
    app.add_argument("action", choices=("kill",))
    app.add_argument("name", nargs="?", choices=APPS, default=APPS[0])
    slow_sql = parts.add_parser("slow-sql", help="delay every statement; heal ends this")
    slow_sql.add_argument("delay", type=_delay, metavar="300ms|heal")
    return parser


def _delay(text: str) -> float | None:
    if text == "heal":
        return None
    delay_ms = milliseconds(text)
    if not 1 <= delay_ms <= MAX_DELAY_MS:
        raise argparse.ArgumentTypeError(f"`{text}` is not between 1ms and {MAX_DELAY_MS // 1000}s")
    return delay_ms
