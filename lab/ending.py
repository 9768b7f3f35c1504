"""`lab stop` and `lab reset`: also end what a killed `lab cluster` has left."""

import shutil

from lab.stack import control
from lab.stack.errors import LabError
from lab.stack.paths import Paths
from lab.stack.processes.lock import is_held
from lab.stack.servers.unprivileged import remove


def stop(paths: Paths) -> int:
    """Stop the stack and the processes that a killed stack left; succeed if nothing runs."""
    status = control.stop(paths)
    _end_leftovers(paths)
    return status


def reset(paths: Paths) -> int:
    """Stop the stack and delete its data, messages, secrets, certificates and logs.

    :raises LabError: when `lab cluster` runs.
    """
    if is_held(paths.cluster_lock):
        raise LabError("A cluster runs. Stop it first, with Ctrl-C in its terminal.")
    status = control.reset(paths)
    _end_leftovers(paths)
    for path in paths.cluster.glob("*"):
        remove(path)
    shutil.rmtree(paths.cluster, ignore_errors=True)
    paths.cluster_ready.unlink(missing_ok=True)
    return status


def _end_leftovers(paths: Paths) -> None:
    if paths.cluster.exists() and not is_held(paths.cluster_lock):
        from lab.cluster.cluster import Cluster  # noqa: PLC0415 - 0.1 s that most stops do not need

        for name in Cluster(paths.cluster).end_leftovers():
            print(f"{name} was left over from a killed cluster, and has been stopped.")
