"""Checks whether the two public ports are free, or which program uses them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lab.doctor.findings import Finding, ok, problem
from lab.stack.environment import Choices
from lab.stack.errors import LabError
from lab.stack.lock import is_held
from lab.stack.paths import Paths
from lab.stack.ports import listen

# The columns of /proc/net/tcp that are read, and the state of a listening socket.
ADDRESS, STATE, INODE = 1, 3, 9
LISTENS = "0A"


def ports(paths: Paths, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check that a stack could listen on the ports now.

    :raises LabError: when HTTP_PORT or HTTPS_PORT is not a port.
    """
    choices = Choices.from_environment(environment)
    if is_held(paths.lock):
        return
    wanted = {"HTTP_PORT": choices.http_port, "HTTPS_PORT": choices.https_port}
    for variable, port in wanted.items():
        try:
            for server in listen(port, variable, "up"):
                server.close()
        except LabError as error:
            program = listener(port) or f"another program (sudo lsof -i:{port} shows which)"
            yield problem(str(error).replace("another program", program))
        else:
            yield ok(f"Port {port} is free.")


def listener(port: int) -> str | None:
    """Return the name and the id of a process that listens on the port. None if unknown."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _inodes(table, port)}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*") if sockets else ():
        try:
            if str(descriptor.readlink()) in sockets:
                name = (descriptor.parents[1] / "comm").read_text().strip()
                return f"{name} (process {descriptor.parts[2]})"
        except OSError:
            # The process belongs to another user, or has ended.
            continue
    return None


def _inodes(table: str, port: int) -> Iterator[str]:
    try:
        lines = Path("/proc/net", table).read_text().splitlines()[1:]
    except OSError:
        return
    for columns in map(str.split, lines):
        if columns[STATE] == LISTENS and int(columns[ADDRESS].rpartition(":")[2], 16) == port:
            yield columns[INODE]
