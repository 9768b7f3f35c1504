"""`make doctor`: prints a line per check; exits with 1 when something is wrong."""

import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial

from lab.doctor.checkout import clock, disk, line_endings, place
from lab.doctor.data import data
from lab.doctor.findings import UNREADABLE, Check, Finding, problem
from lab.doctor.ports import ports
from lab.doctor.programs import docker, make, python
from lab.doctor.variables import proxies, pythons, servers, settings
from lab.doctor.venv import venv
from lab.stack.errors import LabError
from lab.stack.paths import CHECKOUT, Paths


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Look at everything; 1 when something is wrong."""
    problems = 0
    for finding in examine(environment):
        print(finding, flush=True)
        problems += finding.verdict == "problem"
    print(
        "Nothing is wrong." if problems == 0 else f"Problems: {problems}. Mend the first one first."
    )
    return int(problems > 0)


def examine(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Make every check; one that cannot even look says so, and the others go on."""
    for name, check in _checks(environment).items():
        try:
            yield from check()
        except LabError as error:
            yield problem(str(error))
        except UNREADABLE as error:
            yield problem(f"The {name} could not be looked at: {error}.", "Mend that first.")


def _checks(environment: Mapping[str, str]) -> dict[str, Check]:
    paths = Paths.from_environment(environment)
    return {
        "Python": python,
        "make": make,
        "place": partial(place, CHECKOUT),
        "line endings": partial(line_endings, CHECKOUT),
        "disk": partial(disk, CHECKOUT),
        "clock": partial(clock, CHECKOUT, paths.root),
        "packages": venv,
        "data": partial(data, paths, CHECKOUT),
        "ports": partial(ports, paths, environment),
        "servers given": partial(servers, environment),
        "proxies": partial(proxies, environment),
        "variables of Python": partial(pythons, environment),
        "settings": partial(settings, environment, CHECKOUT),
        "Docker": docker,
    }


if __name__ == "__main__":
    sys.exit(main())
