"""The faults of the nodes of `lab cluster`. Each function returns a message to print."""

from collections.abc import Sequence
from typing import Final

from lab.cluster.cluster import Cluster
from lab.fault import servers
from lab.stack.errors import LabError
from lab.stack.paths import Paths
from lab.stack.processes.lock import is_held
from lab.stack.servers.server import Server

_HEAL: Final = "Heal it:  .venv/bin/lab fault node heal"


def running_cluster(paths: Paths) -> Cluster:
    """Return the cluster that runs.

    :raises LabError: when no cluster runs.
    """
    if not is_held(paths.cluster_lock):
        raise LabError("No cluster runs. Start it:  make cluster")
    return Cluster(paths.cluster)


def kill(cluster: Cluster, name: str | None) -> str:
    """Kill all processes of a node's machine. Without `name`, the primary of the database.

    :raises LabError: when no node has this name, or no node is the primary.
    """
    name, role, machine = _find(cluster, name)
    for server in machine:
        server.disable_restart()
    for server in machine:
        server.kill()
    return f"{name} is killed. {_consequence(role)} {_HEAL}"


def freeze(cluster: Cluster, name: str | None) -> str:
    """Freeze all processes of a node's machine. Without `name`, the primary of the database.

    :raises LabError: when no node has this name, or no node is the primary.
    """
    name, role, machine = _find(cluster, name)
    for server in machine:
        server.freeze()
    return f"{name} is frozen: it answers nothing. {_consequence(role)} {_HEAL}"


def heal(cluster: Cluster) -> str:
    """Start killed nodes again, and continue frozen nodes.

    :raises LabError: when a server does not answer within the timeout.
    """
    broken = {
        name: machine
        for name, machine in cluster.nodes.items()
        if any(server.restart_disabled or server.frozen for server in machine)
    }
    for server in (server for machine in broken.values() for server in machine):
        servers.heal(server)
    primaries = cluster.primaries().values()
    roles = {name: "the primary" if name in primaries else "a replica" for name in broken}
    lines = [f"{name} runs again. It is {role}." for name, role in roles.items()]
    return "\n".join(lines) or "No node is killed or frozen: there is nothing to heal."


def _find(cluster: Cluster, name: str | None) -> tuple[str, str | None, Sequence[Server]]:
    """Return a node's name, of which kind it is the primary, and the servers on its machine."""
    primaries = cluster.primaries()
    name = name or primaries.get("database")
    if name is None:
        raise LabError("No node is the primary now. Try again in some seconds.")
    if name not in cluster.nodes:
        raise LabError(f"There is no {name}. The nodes are {', '.join(cluster.nodes)}.")
    role = next((kind for kind, primary in primaries.items() if primary == name), None)
    return name, role, cluster.nodes[name]


def _consequence(role: str | None) -> str:
    if role is None:
        return "It was a replica, so reads and writes go on."
    return f"Another node becomes the primary in about {20 if role == 'database' else 2} s."
