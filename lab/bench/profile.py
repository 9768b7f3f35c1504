"""`make profile`: shows where the time of one route goes, by py-spy."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lab.bench import wrk
from lab.bench.choices import Choices
from lab.bench.ground import Ground, prepared_ground, sign_in
from lab.bench.measures import requests_to
from lab.bench.pinning import Processors
from lab.bench.stacks import Profile
from lab.bench.subjects import Subject
from lab.bench.wrk import Request, Wrk
from lab.stack import control
from lab.stack.errors import LabError
from lab.stack.paths import Paths

_SAMPLES_A_SECOND: Final = 400
_WARM_UP_S: Final = 1.0


class ProfiledSubject(Subject):
    """A process of the service that py-spy has started, and may therefore look into.

    It looks from outside, so that the service runs as it is; asked to stop, it writes down what it
    has seen and ends the service.
    """

    @property
    def samples(self) -> Path:
        """What py-spy has seen, once it has stopped."""
        return self.directory / "samples"

    def _command(self) -> list[str]:
        spy = [str(Path(sys.executable).with_name("py-spy")), "record", "--function"]
        into = ["--format", "raw", "--output", str(self.samples)]
        rate = ["--rate", str(_SAMPLES_A_SECOND)]
        return [*spy, *into, *rate, "--", *super()._command()]


def profile(paths: Paths, environment: Mapping[str, str] = os.environ) -> int:
    """Show where the time of `ROUTE` goes: user, cold, products, order, signup or login."""
    paths.prepare()
    samples = paths.root / "profile.txt"
    choices, route = Choices.from_environment(environment), environment.get("ROUTE") or "user"
    wrk.require()
    with prepared_ground() as ground:
        requests = {**requests_to(ground), "cold": requests_to(ground)["user"]}
        if route not in requests:
            raise LabError(f"ROUTE={route} is none of: {', '.join(requests)}")
        settings = {"CACHE": "off"} if route == "cold" else {}
        samples.write_text(_samples(ground, requests[route], choices.seconds, **settings))
    print(*Profile.read(samples.read_text().splitlines()).tables(), sep="\n\n")
    print(f"\nThe samples, for speedscope or flamegraph.pl:  {samples}")
    return control.OK


def _samples(ground: Ground, request: Request, seconds: float, **settings: str) -> str:
    subject = ProfiledSubject("profiled", ground, Processors.available().all, **settings)
    with subject:
        load = Wrk(ground, sign_in(subject.port))
        load.run(subject.port, request, _WARM_UP_S)
        print(f"{load.run(subject.port, request, seconds).rate:,.0f} requests a second\n")
    return subject.samples.read_text()
