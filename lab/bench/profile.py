"""`make profile`: profiles one route of the service with py-spy."""

import os
import sys
from pathlib import Path
from typing import Final

from lab.bench.backends import Backends, running_backends, sign_in
from lab.bench.choices import Choices
from lab.bench.load import wrk
from lab.bench.load.wrk import Request, Wrk
from lab.bench.measures import requests_to
from lab.bench.pinning import Processors
from lab.bench.subjects import Subject
from lab.stack import control
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError

_SAMPLES_PER_SECOND: Final = 400
_WARM_UP_SECONDS: Final = 1.0


class ProfiledSubject(Subject):
    """A process of the service that py-spy starts and inspects.

    py-spy starts the process, because Linux lets a program inspect its child processes without
    root. The service runs unchanged. On the stop signal, py-spy draws the flame graph and ends the
    service.
    """

    @property
    def picture(self) -> Path:
        """The file with the flame graph. It exists after py-spy has stopped."""
        return self.directory / "profile.svg"

    def _command(self) -> list[str]:
        spy = [str(Path(sys.executable).with_name("py-spy")), "record", "--function"]
        output = ["--format", "flamegraph", "--output", str(self.picture)]
        rate = ["--rate", str(_SAMPLES_PER_SECOND)]
        return [*spy, *output, *rate, "--", *super()._command()]


def profile(paths: Paths) -> int:
    """Show where the service spends its time. `ROUTE` is `cold`, or a name of `requests_to`."""
    paths.prepare()
    picture = paths.root / "profile.svg"
    choices, route = Choices.from_environment(), os.environ.get("ROUTE") or "user"
    wrk.require()
    with running_backends() as backends:
        requests = {**requests_to(backends), "cold": requests_to(backends)["user"]}
        if route not in requests:
            raise LabError(f"ROUTE={route} is not one of: {', '.join(requests)}")
        settings = {"CACHE": "off"} if route == "cold" else {}
        picture.write_text(_picture(backends, requests[route], choices.seconds, **settings))
    print(f"The flame graph, for a browser:  {picture}")
    return control.OK


def _picture(backends: Backends, request: Request, seconds: float, **settings: str) -> str:
    subject = ProfiledSubject("profiled", backends, Processors.available().all, **settings)
    with subject:
        load = Wrk(backends, sign_in(subject.port))
        load.run(subject.port, request, _WARM_UP_SECONDS)
        print(f"{load.run(subject.port, request, seconds):,.0f} requests a second")
    return subject.picture.read_text()
