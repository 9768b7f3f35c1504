"""The faults of the machines of `lab cluster`. `kill`, `freeze` and `heal` return a message."""

from collections.abc import Mapping, Sequence
from typing import Final

from lab.cluster.cluster import DATABASE, Cluster
from lab.cluster.patroni import TTL_SECONDS
from lab.fault import servers
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError
from lab.stack.processes.lock import is_held
from lab.stack.servers.server import Server

# A node that was the primary may have to copy the data of the new primary.
_READY_TIMEOUT_SECONDS: Final = 90.0


def running_cluster(paths: Paths) -> Cluster:
    """Return the cluster that runs.

    :raises LabError: when no cluster runs, or the cluster is starting or stopping.
    """
    if not is_held(paths.cluster_lock):
        raise LabError("No cluster runs. Start it:  make cluster")
    if not paths.cluster_ready.exists():
        raise LabError("The cluster is starting or stopping. Try again in some seconds.")
    return Cluster(paths.cluster)


def kill(cluster: Cluster, name: str | None) -> str:
    """Kill all processes of a machine. Without `name`, the machine of the database's primary.

    :raises LabError: when no machine has this name, nothing runs on it, or there is no primary.
    """
    name, machine, consequence = _find(cluster, name)
    for server in machine:
        server.disable_restart()
    # PgBouncer is last. If it ended first, no new commits would arrive, and the last commits would
    # have time to reach a replica. When a real machine fails, the commits have no such time.
    for server in machine:
        server.kill()
    return f"{name} is killed. {consequence}"


def freeze(cluster: Cluster, name: str | None) -> str:
    """Freeze all processes of a machine. Without `name`, the machine of the database's primary.

    :raises LabError: when no machine has this name, nothing runs on it, or there is no primary.
    """
    name, machine, consequence = _find(cluster, name)
    for server in machine:
        server.freeze()
    return f"{name} is frozen: it answers nothing. {consequence}"


def heal(cluster: Cluster, name: str | None) -> str:
    """Restart killed processes and continue frozen processes, of one machine or of all machines.

    :raises LabError: when no machine has this name, or a server does not answer in time.
    """
    names = list(cluster.machines) if name is None else [_known(cluster, name)]
    broken = [it for it in names if any(map(servers.is_broken, cluster.machines[it]))]
    affected = [server for it in broken for server in cluster.machines[it]]
    for server in affected:
        servers.resume(server)
    for server in affected:
        servers.await_answer(server, _READY_TIMEOUT_SECONDS)
    if not broken:
        return "Nothing is killed or frozen: there is nothing to heal."
    return "\n".join(f"{it} runs again." for it in broken)


def _known(cluster: Cluster, name: str) -> str:
    if name not in cluster.machines:
        raise LabError(f"There is no {name}. The machines are {', '.join(cluster.machines)}.")
    return name


def _find(cluster: Cluster, name: str | None) -> tuple[str, Sequence[Server], str]:
    """Return the name of the machine to break, its servers, and the end of the message."""
    primaries = cluster.primaries()
    name = primaries.get(DATABASE) if name is None else _known(cluster, name)
    if name is None:
        raise LabError("The database has no primary now. Try again in some seconds.")
    machine = cluster.machines[name]
    remedy = servers.remedy(machine[0])
    if not any(server.processes for server in machine):
        raise LabError(f"{name} does not run. {remedy}")
    return name, machine, f"{_effect(primaries, name)} {remedy}"


def _effect(primaries: Mapping[str, str], name: str) -> str:
    kind = next((kind for kind, primary in primaries.items() if primary == name), None)
    if kind is None:
        return "It was not the primary."
    seconds = TTL_SECONDS if kind == DATABASE else 2
    return f"Another node becomes the primary in about {seconds} s."
