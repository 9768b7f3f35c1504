"""The faults of the machines of `lab cluster`. `kill`, `freeze` and `heal` return a message."""

from collections.abc import Mapping, Sequence
from typing import Final

from lab.cluster.cluster import DATABASE, Cluster
from lab.stack.errors import LabError
from lab.stack.paths import Paths
from lab.stack.processes.lock import is_held
from lab.stack.processes.waiting import wait_until
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
    name, servers = _find(cluster, name)
    effect = _effect(cluster.primaries(), name)
    for server in servers:
        server.disable_restart()
    # PgBouncer is last. If it ended first, no new commits would arrive, and the last commits would
    # have time to reach a replica. A machine that fails gives them no such time.
    for server in servers:
        server.kill()
    return f"{name} is killed. {effect} {_remedy(servers)}"


def freeze(cluster: Cluster, name: str | None) -> str:
    """Freeze all processes of a machine. Without `name`, the machine of the database's primary.

    :raises LabError: when no machine has this name, nothing runs on it, or there is no primary.
    """
    name, servers = _find(cluster, name)
    effect = _effect(cluster.primaries(), name)
    for server in servers:
        server.freeze()
    return f"{name} is frozen: it answers nothing. {effect} {_remedy(servers)}"


def heal(cluster: Cluster, name: str | None) -> str:
    """Start killed processes again, and continue frozen ones: of all machines, or of one.

    :raises LabError: when no machine has this name, or a server does not answer in time.
    """
    names = list(cluster.machines) if name is None else [_known(cluster, name)]
    broken = [it for it in names if any(map(_is_broken, cluster.machines[it]))]
    servers = [server for it in broken for server in cluster.machines[it]]
    for server in servers:
        server.enable_restart()
        server.thaw()
    for server in servers:
        if not wait_until(server.ready, timeout_s=_READY_TIMEOUT_SECONDS):
            raise LabError(f"{server.name} is not ready. Its log:  less {server.log}")
    if not broken:
        return "Nothing is killed or frozen: there is nothing to heal."
    return "\n".join(f"{it} runs again." for it in broken)


def _is_broken(server: Server) -> bool:
    return server.restart_disabled or server.frozen


def _known(cluster: Cluster, name: str) -> str:
    if name not in cluster.machines:
        raise LabError(f"There is no {name}. The machines are {', '.join(cluster.machines)}.")
    return name


def _find(cluster: Cluster, name: str | None) -> tuple[str, Sequence[Server]]:
    name = cluster.primaries().get(DATABASE) if name is None else _known(cluster, name)
    if name is None:
        raise LabError("The database has no primary now. Try again in some seconds.")
    servers = cluster.machines[name]
    if not any(server.processes for server in servers):
        raise LabError(f"{name} does not run. {_remedy(servers)}")
    return name, servers


def _effect(primaries: Mapping[str, str], name: str) -> str:
    kind = next((kind for kind, primary in primaries.items() if primary == name), None)
    if kind is None:
        return "It was not the primary."
    return f"Another node becomes the primary in about {20 if kind == DATABASE else 2} s."


def _remedy(servers: Sequence[Server]) -> str:
    return f"Heal it:  {servers[0].heal_command}"
