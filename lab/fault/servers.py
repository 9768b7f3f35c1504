"""What can be done to PostgreSQL, to Valkey and to an app process; each returns what to say."""

from lab.stack.errors import LabError
from lab.stack.footprint import has_ended
from lab.stack.freezing import freeze, is_frozen, thaw
from lab.stack.servers import Server
from lab.stack.stack import Stack
from lab.stack.waiting import wait_until

_BACK_WITHIN_S = 40.0


def stop(server: Server, word: str) -> str:
    """End it and keep it down; clients are refused."""
    server.hold_down()
    if process := server.process:
        # A frozen one would not hear that it is to end.
        thaw(process)
    # It belongs to the supervisor, another process; this ends it whoever started it.
    server.end_leftover()
    return f"{server.name} is stopped: connections are refused. Heal it:  lab fault {word} heal"


def halt(server: Server, word: str) -> str:
    """Freeze it: connections are taken, and nothing is ever answered.

    :raises LabError: when it does not run.
    """
    process = server.process
    if process is None:
        raise LabError(
            f"{server.name} does not run, and cannot be frozen. Heal it first:  "
            f"lab fault {word} heal"
        )
    freeze(process)
    return f"{server.name} is frozen: nothing is answered. Heal it:  lab fault {word} heal"


def heal(server: Server) -> str:
    """Undo either; return once it answers.

    :raises LabError: when it does not.
    """
    process = server.process
    if not server.held_down and not (process and is_frozen(process)):
        return f"{server.name} is not at fault: there is nothing to heal."
    server.release()
    if process is not None:
        thaw(process)
    # If it was stopped, the supervisor brings it back.
    if not wait_until(server.ready, timeout_s=_BACK_WITHIN_S):
        raise LabError(f"{server.name} has not come back. What it said:  less {server.log}")
    return f"{server.name} answers again."


def kill_app(stack: Stack, name: str) -> str:
    """Kill an app process (SIGKILL), with what it was doing."""
    app = next(app for app in stack.apps if app.name == name)
    process = app.process
    if process is None:
        return f"{name} is dead already; the supervisor is starting another one."
    process.kill()
    wait_until(lambda: has_ended(process), timeout_s=10)
    return (
        f"{name} (process {process.pid}) is killed; the other one answers, and the supervisor "
        "starts a new one by itself."
    )
