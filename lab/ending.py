"""`lab stop` and `lab reset`: end the stack and the processes of a killed stack or cluster."""

import shutil
import signal

from lab.stack.config.environment import Choices
from lab.stack.config.paths import Paths
from lab.stack.control import OK, STOP_TIMEOUT_SECONDS
from lab.stack.errors import LabError
from lab.stack.processes.lock import Lock, is_held
from lab.stack.processes.termination import has_ended
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.unprivileged import remove
from lab.stack.stack import Stack
from lab.stack.state import State


def stop(paths: Paths) -> int:
    """Stop the stack and the processes of a killed stack or cluster. Succeed if nothing runs."""
    if _end_stack(paths):
        print("The stack has stopped; its data are kept.")
    else:
        print("The stack does not run.")
    _end_cluster(paths)
    return OK


def reset(paths: Paths) -> int:
    """Stop the stack and delete its data, messages, secrets, certificates and logs.

    :raises LabError: when `lab cluster` runs.
    """
    if is_held(paths.cluster_lock):
        raise LabError("A cluster runs. Stop it first, with Ctrl-C in its terminal.")
    _end_stack(paths)
    if not paths.root.exists():
        print("There is nothing to delete.")
        return OK
    _delete_stack(paths)
    _end_cluster(paths)
    for path in paths.cluster.glob("*"):
        remove(path)
    shutil.rmtree(paths.cluster, ignore_errors=True)
    paths.cluster_ready.unlink(missing_ok=True)
    return OK


def _end_stack(paths: Paths) -> bool:
    """Stop all processes of the stack. Return whether any process was running."""
    if not paths.root.exists():
        return False
    state = State.load(paths)
    process = state.supervisor.process() if state else None
    if process is not None:
        print("Stopping, after the requests in progress are answered.", flush=True)
        process.send_signal(signal.SIGTERM)
    lock = Lock(paths.lock)
    if not lock.acquire(STOP_TIMEOUT_SECONDS):
        raise LabError(f"The stack does not stop. Its log:  tail {paths.stack_log}")
    if process is not None:
        # The supervisor releases the lock shortly before it ends.
        wait_until(lambda: has_ended(process), timeout_s=STOP_TIMEOUT_SECONDS)
    leftovers = Stack(paths, Choices.largest()).end_leftovers()
    lock.release()
    return process is not None or bool(leftovers)


def _end_cluster(paths: Paths) -> None:
    if paths.cluster.exists() and not is_held(paths.cluster_lock):
        from lab.cluster.cluster import Cluster  # noqa: PLC0415 - takes 0.1 s, and few stops need it

        for name in Cluster(paths.cluster).end_leftovers():
            print(f"{name} was left over from a killed cluster, and has been stopped.")


def _delete_stack(paths: Paths) -> None:
    stack = Stack(paths, Choices.largest())
    stack.postgres.remove()
    # Each directory is deleted by name, because LAB_DIR may also contain files of the user.
    for name in ("valkey", "limits", "caddy", "collector", "provider", "logs"):
        shutil.rmtree(paths.root / name, ignore_errors=True)
    for process in (*stack.all_slots, *stack.workers):
        shutil.rmtree(process.directory, ignore_errors=True)
    for file in (paths.ca_certificate, paths.token_signing_key):
        file.unlink(missing_ok=True)
    print(f"Deleted: database, cache, messages, secrets, certificates and logs in {paths.root}")
