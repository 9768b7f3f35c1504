"""One run: rounds of load, latencies at half of what was reached, and memory."""

import re
from collections import defaultdict
from collections.abc import Callable
from http.client import HTTPConnection
from statistics import median
from typing import Final

from psutil import Process

from lab.bench.choices import Choices
from lab.bench.ground import Ground, sign_in
from lab.bench.measures import Bench, requests_to
from lab.bench.peer import PeerMissingError
from lab.bench.pinning import Processors
from lab.bench.steady import latencies
from lab.bench.subjects import Subject, Subjects
from lab.bench.wrk import Wrk
from lab.seed.progress import Progress
from lab.stack.errors import LabError
from lab.stack.ports import LOOPBACK

_WARM_UP_S: Final = 0.5
_COUNTED: Final = re.compile(r"^http_request_duration_seconds_count\{.*\} (\S+)$", re.MULTILINE)


class Run:
    """Takes the samples, and keeps them by the name of their figure."""

    def __init__(
        self,
        choices: Choices,
        ground: Ground,
        subjects: Subjects,
        processors: Processors,
        say: Callable[[str], None],
    ) -> None:
        """`say` gets a line for a person now and then."""
        self._choices, self._subjects, self._say = choices, subjects, say
        self._token = sign_in(subjects.hot.port)
        self._user = requests_to(ground)["user"]
        self._wrk = Wrk(ground, self._token)
        self._bench = Bench(ground, subjects, self._wrk, processors)
        self.samples: dict[str, list[float]] = defaultdict(list)
        self.rate = 0.0
        self.requests = 0

    def take(self) -> None:
        """Take all samples.

        :raises LabError: when a single request fails.
        """
        self._note_memory("memory_at_rest")
        self._throughput()
        self.rate = median(self.samples["hot"]) / 2
        self._latency()
        self._answer_the_rest()
        self._note_memory("memory_after")

    def caveats(self) -> list[str]:
        """Return what a reader should know before believing the figures."""
        caveats = []
        said = {self._x_cache(it) for it in (self._subjects.hot, self._subjects.cold)}
        if said != {"hit", "bypass"}:
            caveats.append(
                "The service has no cache that could be turned off: hot and cold are the same."
            )
        if isinstance(self._subjects.peers, PeerMissingError):
            caveats.append(str(self._subjects.peers))
        return caveats

    def _throughput(self) -> None:
        measures = self._bench.measures()
        self._say("Warming up")
        for measure in measures.values():
            measure(min(_WARM_UP_S, self._choices.seconds))
        for number in range(self._choices.rounds):
            self._say(f"Round {number + 1} of {self._choices.rounds}")
            for name, measure in measures.items():
                self.samples[name].append(measure(self._choices.seconds))

    def _latency(self) -> None:
        for number in range(self._choices.rounds):
            at = f"Latency at {self.rate:,.0f} requests a second"
            self._say(f"{at}, {number + 1} of {self._choices.rounds}")
            for name, subject in (("bare", self._subjects.bare), ("hot", self._subjects.hot)):
                taken = latencies(
                    subject.port,
                    self._user.path,
                    self._bearer,
                    rate=self.rate,
                    seconds=self._choices.seconds,
                )
                self.samples[f"{name}_p50"].append(taken.p50)
                self.samples[f"{name}_p99"].append(taken.p99)

    def _answer_the_rest(self) -> None:
        self._say("Memory: more requests to one process")
        wanted, before = self._choices.requests, self._answered()
        progress = Progress("requests", wanted - before)
        while (answered := self._answered()) < wanted:
            self._wrk.run(self._subjects.hot.port, self._user, self._choices.seconds)
            progress.show(min(self._answered(), wanted) - before)
        self.requests = answered

    def _answered(self) -> int:
        """Ask the process itself; it counts every request."""
        text = self._get(self._subjects.hot, "/metrics")[1]
        return int(sum(map(float, _COUNTED.findall(text))))

    def _note_memory(self, name: str) -> None:
        identity = self._subjects.hot.identity
        if identity is None:
            raise LabError("The service ended during the benchmark.")
        self.samples[name].append(Process(identity.pid).memory_info().rss / 2**20)

    def _x_cache(self, subject: Subject) -> str | None:
        return self._get(subject, self._user.path)[0]

    def _get(self, subject: Subject, path: str) -> tuple[str | None, str]:
        connection = HTTPConnection(LOOPBACK, subject.port, timeout=10)
        connection.request("GET", path, headers=self._bearer)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.getheader("X-Cache"), text

    @property
    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}
