"""`lab reset`: deletes the data of the stack and of the cluster."""

import shutil

from lab.cluster.cluster import Cluster
from lab.stack import control
from lab.stack.errors import LabError
from lab.stack.paths import Paths
from lab.stack.processes.lock import is_held
from lab.stack.servers.unprivileged import remove


def reset(paths: Paths) -> int:
    """Stop the stack and delete its data, messages, secrets, certificates and logs.

    :raises LabError: when `lab cluster` runs.
    """
    if is_held(paths.cluster_lock):
        raise LabError("A cluster runs. Stop it first, with Ctrl-C in its terminal.")
    if paths.cluster.exists():
        Cluster(paths.cluster).end_leftovers()
        for directory in paths.cluster.iterdir():
            remove(directory)
        shutil.rmtree(paths.cluster, ignore_errors=True)
    return control.reset(paths)
