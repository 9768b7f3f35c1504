"""One run of the benchmark: rounds of load, latencies at half of the reached rate, and memory."""

import re
import sys
from collections import defaultdict
from statistics import median
from typing import Final

import click
from psutil import Process

from lab.bench.backends import Backends, sign_in
from lab.bench.choices import Choices
from lab.bench.load.traffic import latencies
from lab.bench.load.wrk import Wrk
from lab.bench.measures import Bench, requests_to
from lab.bench.pinning import Processors
from lab.bench.subjects import Subjects
from lab.http_client import send
from lab.stack.config.ports import LOOPBACK
from lab.stack.errors import LabError

_WARM_UP_SECONDS: Final = 0.5
_COUNTED: Final = re.compile(r"^http_request_duration_seconds_count\{.*\} (\S+)$", re.MULTILINE)


def report_progress(line: str) -> None:
    """Print a line for the user at once, even through a pipe."""
    print(line, flush=True)


class Run:
    """Takes the samples of each figure."""

    def __init__(
        self, choices: Choices, backends: Backends, subjects: Subjects, processors: Processors
    ) -> None:
        self._choices, self._subjects = choices, subjects
        self._token = sign_in(subjects.hot.port)
        self._user = requests_to(backends)["user"]
        self._wrk = Wrk(backends, self._token)
        self._bench = Bench(backends, subjects, self._wrk, processors)
        self.samples: dict[str, list[float]] = defaultdict(list)
        self.rate = 0.0
        self.requests = 0

    def take(self) -> None:
        """Take all samples.

        :raises LabError: when a request fails.
        """
        self._sample_memory("memory_at_rest")
        self._throughput()
        self.rate = median(self.samples["hot"]) / 2
        self._latency()
        self._reach_request_count()
        self._sample_memory("memory_after")

    def caveats(self) -> list[str]:
        """Return a sentence for each group of processes that could not be measured."""
        return [str(it) for it in (self._subjects.peers, self._subjects.pooled)
                if isinstance(it, LabError)]  # fmt: skip

    def _throughput(self) -> None:
        measures = self._bench.measures()
        report_progress("Warming up")
        for measure in measures.values():
            measure(min(_WARM_UP_SECONDS, self._choices.seconds))
        for number in range(self._choices.rounds):
            report_progress(f"Round {number + 1} of {self._choices.rounds}")
            for name, measure in measures.items():
                self.samples[name].append(measure(self._choices.seconds))

    def _latency(self) -> None:
        for number in range(self._choices.rounds):
            step = f"Latency at {self.rate:,.0f} requests a second"
            report_progress(f"{step}, {number + 1} of {self._choices.rounds}")
            for name, subject in (("bare", self._subjects.bare), ("hot", self._subjects.hot)):
                measured = latencies(
                    subject.port,
                    self._user.path,
                    self._bearer,
                    rate=self.rate,
                    seconds=self._choices.seconds,
                )
                self.samples[f"{name}_p50"].append(measured.p50)
                self.samples[f"{name}_p99"].append(measured.p99)

    def _reach_request_count(self) -> None:
        report_progress("Memory: sending more requests to one process")
        wanted, before = self._choices.requests, self._request_count()
        with click.progressbar(
            length=max(wanted - before, 0), label="Requests", show_pos=True, file=sys.stderr
        ) as progress:
            while (answered := self._request_count()) < wanted:
                self._wrk.run(self._subjects.hot.port, self._user, self._choices.seconds)
                progress.update(self._request_count() - answered)
        self.requests = answered

    def _request_count(self) -> int:
        """Return the number of requests that the hot process has counted in its metrics."""
        url = f"http://{LOOPBACK}:{self._subjects.hot.port}/metrics"
        text = send("GET", url, headers=self._bearer).text
        return int(sum(map(float, _COUNTED.findall(text))))

    def _sample_memory(self, name: str) -> None:
        identity = self._subjects.hot.identity
        if identity is None:
            raise LabError("The service ended during the benchmark.")
        self.samples[name].append(Process(identity.pid).memory_info().rss / 2**20)

    @property
    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}
