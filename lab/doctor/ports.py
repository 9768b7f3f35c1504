"""Checks whether the two public ports are free."""

from collections.abc import Iterator, Mapping

from lab.stack.environment import Choices
from lab.stack.errors import LabError
from lab.stack.findings import Finding, ok, problem
from lab.stack.paths import Paths
from lab.stack.ports import listen
from lab.stack.processes.lock import is_held


def ports(paths: Paths, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check that a stack could listen on the ports now. If a stack runs, return no finding.

    :raises LabError: when HTTP_PORT, HTTPS_PORT or a number of processes is out of range.
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
            yield problem(str(error), f"See which program uses it:  sudo lsof -i:{port}")
        else:
            yield ok(f"Port {port} is free.")
