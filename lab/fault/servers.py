"""The faults of the stack's servers. Each function returns a message to print."""

from lab.stack.errors import LabError
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.server import Server
from lab.stack.stack import Stack

_READY_TIMEOUT_SECONDS = 40.0
HEALTHY = "It is neither stopped nor frozen: there is nothing to heal."


def stop(server: Server) -> str:
    """Stop a server and disable its restart."""
    server.disable_restart()
    # Not `server.stop`, which ends only a process that this `Server` object has started: the
    # supervisor has started the server.
    server.end_leftover()
    return f"{server.name} is stopped: {server.stopped_effect}. {remedy(server)}"


def freeze_server(server: Server) -> str:
    """Freeze a server. Its port, if any, still accepts connections, but the server never answers.

    :raises LabError: when the server does not run.
    """
    if not server.processes:
        raise LabError(f"{server.name} does not run, and cannot be frozen. {remedy(server)}")
    server.freeze()
    return f"{server.name} is frozen: {server.frozen_effect}. {remedy(server)}"


def heal(server: Server) -> str:
    """Undo `stop` or `freeze_server`. Return when the server answers.

    :raises LabError: when the server does not answer within the timeout.
    """
    if not is_broken(server):
        return HEALTHY
    resume(server)
    await_answer(server)
    return f"{server.name} {'answers' if server.port else 'runs'} again."


def is_broken(server: Server) -> bool:
    """Return whether the server is stopped or frozen on purpose."""
    return server.restart_disabled or server.frozen


def resume(server: Server) -> None:
    """Undo a fault without waiting. If the server was stopped, its supervisor now restarts it."""
    server.enable_restart()
    server.thaw()


def await_answer(server: Server, timeout_s: float = _READY_TIMEOUT_SECONDS) -> None:
    """Return when the server answers.

    :raises LabError: when the server does not answer within the timeout.
    """
    if not wait_until(server.ready, timeout_s=timeout_s):
        raise LabError(f"{server.name} is not ready. Its log:  less {server.log}")


def remedy(server: Server) -> str:
    """Return the sentence that says how to end a fault of this server."""
    return f"Heal it:  {server.heal_command}"


def kill_app(stack: Stack, name: str) -> str:
    """Kill an app process (SIGKILL). Its requests in progress fail.

    :raises LabError: when no app process has this name.
    """
    app = next((app for app in stack.apps if app.name == name), None)
    if app is None:
        names = ", ".join(app.name for app in stack.apps)
        raise LabError(f"There is no {name}. The app processes are {names}.")
    return _kill(app, "The supervisor starts a new one.")


def kill_workers(stack: Stack) -> str:
    """Kill the workers (SIGKILL). Their current jobs are interrupted."""
    consequence = "The supervisor starts a new one. The interrupted jobs run again."
    return "\n".join(_kill(worker, consequence) for worker in stack.workers)


def _kill(server: Server, consequence: str) -> str:
    process = server.process
    if process is None:
        if server.restart_disabled:
            return f"{server.name} is stopped. {remedy(server)}"
        return f"{server.name} has already ended. The supervisor is starting a new process."
    server.kill()
    return f"{server.name} (process {process.pid}) is killed. {consequence}"
