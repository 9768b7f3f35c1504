"""`lab fault`: break one part of the running stack on purpose, and heal it."""

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

LONGEST_MS: Final = 10_000

_DESCRIPTION = """\
Break one part of the running stack on purpose. Each command says how it is healed; a stack that is
stopped or started again is healed of everything. A DATABASE_URL or REDIS_URL of your own is left
alone.
"""


def fault(paths: Paths, arguments: Sequence[str]) -> int:
    """Break one part of the running stack on purpose, or heal it."""
    chosen = _parser().parse_args(arguments)
    stack = control.running(paths)
    if chosen.part == "app":
        said = servers.kill_app(stack, chosen.name)
    elif chosen.part == "slow-sql":
        said = _slow_sql(stack, chosen.delay)
    else:
        # Both servers of `redis` share their faults, so one of them speaks for both.
        for server in _own(stack, chosen.part):
            said = _done(server, chosen.part, chosen.deed)
    print(said)
    return control.OK


def _done(server: Server, part: str, deed: str) -> str:
    if deed == "heal":
        return servers.heal(server)
    return (servers.stop if deed == "stop" else servers.halt)(server, part)


def _slow_sql(stack: Stack, delay_ms: float | None) -> str:
    _own(stack, "postgres")
    slow_sql = SlowSql(stack.postgres)
    if delay_ms is not None:
        slow_sql.slow(delay_ms)
        return (
            f"Each statement of the service takes {delay_ms:g} ms longer. "
            "Heal it:  lab fault slow-sql heal"
        )
    if slow_sql.heal():
        return "Statements take as long as they need again."
    return "Statements are not slowed down: there is nothing to heal."


def _own(stack: Stack, part: str) -> list[Server]:
    """Return the stack's own servers of this part.

    :raises LabError: when there is none, as the caller's are in their place.
    """
    all_of_it: list[Server] = (
        [stack.postgres] if part == "postgres" else [stack.limits, stack.valkey]
    )
    own = [server for server in all_of_it if server in stack.storage]
    if not own:
        variable = "DATABASE_URL" if part == "postgres" else "REDIS_URL"
        raise LabError(
            f"{variable} names a server of yours, which is left alone. For one that may break:  "
            f"make stop && env -u {variable} make start"
        )
    return own


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab fault", description=_DESCRIPTION)
    parts = parser.add_subparsers(dest="part", required=True)
    for part in ("redis", "postgres"):
        server = parts.add_parser(part, help="stop: refuses; freeze: hangs; heal: answers again")
        server.add_argument("deed", choices=("stop", "freeze", "heal"))
    app = parts.add_parser("app", help="kill an app process; another one takes its place")
    app.add_argument("deed", choices=("kill",))
    app.add_argument("name", nargs="?", choices=APPS, default=APPS[0])
    slow_sql = parts.add_parser("slow-sql", help="every statement takes longer; heal undoes it")
    slow_sql.add_argument("delay", type=_delay, metavar="300ms|heal")
    return parser


def _delay(text: str) -> float | None:
    if text == "heal":
        return None
    found = milliseconds(text)
    if not 0 < found <= LONGEST_MS:
        raise argparse.ArgumentTypeError(f"`{text}` is not between 1ms and {LONGEST_MS // 1000}s")
    return found
