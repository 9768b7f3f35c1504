"""`make doctor`: prints a line for each check, and exits with 1 if it finds a problem."""

import os
import sys
from collections.abc import Iterator
from functools import partial

from lab.doctor.checkout import checkout_path, clock, disk
from lab.doctor.data import data
from lab.doctor.programs import docker, make, python
from lab.doctor.stack import ports, stack
from lab.doctor.variables import proxies, python_variables, servers, settings
from lab.doctor.venv import venv
from lab.stack.config.paths import CHECKOUT, Paths
from lab.stack.errors import LabError
from lab.stack.status.findings import UNREADABLE, Check, Finding, problem


def main() -> int:
    """Run all checks. Return 1 if there is a problem."""
    problems = 0
    for finding in examine():
        print(finding, flush=True)
        problems += finding.verdict == "problem"
    print(
        "No problems found."
        if problems == 0
        else f"Problems: {problems}. Fix the first problem first."
    )
    return int(problems > 0)


def examine() -> Iterator[Finding]:
    """Run every check. If a check raises an error, report the error and run the next check."""
    for name, check in _checks().items():
        try:
            yield from check()
        except LabError as error:
            yield problem(str(error))
        except UNREADABLE as error:
            yield problem(f"The {name} could not be checked: {error}.", "Fix this error first.")


def _checks() -> dict[str, Check]:
    paths, environment = Paths.from_environment(), os.environ
    return {
        "Python": python,
        "make": make,
        "path of the checkout": partial(checkout_path, CHECKOUT),
        "disk": partial(disk, CHECKOUT),
        "clock": partial(clock, paths.root),
        "packages": venv,
        "data": partial(data, paths),
        "parts of the stack": partial(stack, paths),
        "ports": partial(ports, paths, environment),
        "servers that you have set": partial(servers, environment),
        "proxies": partial(proxies, environment),
        "variables of Python": partial(python_variables, environment),
        "settings": partial(settings, environment),
        "Docker": docker,
    }


if __name__ == "__main__":
    sys.exit(main())
