"""The faults of PostgreSQL, Valkey and an app process. Each function returns a message to print."""

from lab.stack.errors import LabError
from lab.stack.processes.freezing import freeze, is_frozen, thaw
from lab.stack.processes.record import has_ended
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.server import Server
from lab.stack.stack import Stack

_READY_TIMEOUT_SECONDS = 40.0
HEALTHY = "It is neither stopped nor frozen: there is nothing to heal."


def stop(server: Server, part: str) -> str:
    """Stop a server and disable its restart, so that connections are refused."""
    server.disable_restart()
    if process := server.process:
        # A frozen process would not react to the signal.
        thaw(process)
    # The supervisor has started the server, so `server.stop` would have no effect in this process.
    # `end_leftover` ends the recorded process, whichever program has started it.
    server.end_leftover()
    return f"{server.name} is stopped: connections are refused. Heal it:  lab fault {part} heal"


def freeze_server(server: Server, part: str) -> str:
    """Freeze a server: it still accepts connections, but never answers.

    :raises LabError: when the server does not run.
    """
    process = server.process
    if process is None:
        raise LabError(
            f"{server.name} does not run, and cannot be frozen. Heal it first:  "
            f"lab fault {part} heal"
        )
    freeze(process)
    return f"{server.name} is frozen: it answers nothing. Heal it:  lab fault {part} heal"


def heal(server: Server) -> str:
    """Undo `stop` or `freeze_server`. Return when the server answers.

    :raises LabError: when the server does not answer within the timeout.
    """
    process = server.process
    if not server.restart_disabled and not (process and is_frozen(process)):
        return HEALTHY
    server.enable_restart()
    if process is not None:
        thaw(process)
    # If the server was stopped, the supervisor now restarts it.
    if not wait_until(server.ready, timeout_s=_READY_TIMEOUT_SECONDS):
        raise LabError(f"{server.name} does not answer. Its log:  less {server.log}")
    return f"{server.name} answers again."


def kill_app(stack: Stack, name: str) -> str:
    """Kill an app process (SIGKILL). Its requests in progress fail."""
    app = next(app for app in stack.apps if app.name == name)
    process = app.process
    if process is None:
        return f"{name} has already ended. The supervisor is starting a new process."
    process.kill()
    wait_until(lambda: has_ended(process), timeout_s=10)
    return (
        f"{name} (process {process.pid}) is killed. The other app process answers, and the "
        "supervisor starts a new one."
    )
