"""Writes docs/faults.md."""

import os
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Final

from lab.bench.pinning import Processors
from lab.bench.results.machine import description
from tests.e2e.faults.journal import Journal
from tests.e2e.faults.scene import KINDS, REQUESTS_PER_SECOND
from tests.e2e.faults.single import FAULTS
from tests.e2e.faults.windows import Window
from tests.e2e.faults.writes import SIGNUP, Outcome, is_answered

_Row = tuple[str, ...]
_MACHINE: Final = (
    *("machine", "system", "busy before the run"),
    *("Python", "PostgreSQL", "Valkey", "Caddy", "the service"),
)
_PAUSES: Final = ("failed requests", "without a read", "without a write")
_TEMPLATE: Final = Path(__file__).with_name("page.md")


@dataclass
class Report:
    """The measurements of one run."""

    seed: int
    began: datetime
    machine: Mapping[str, str]
    kills: defaultdict[str, list[Window]] = field(default_factory=lambda: defaultdict(list))
    """The requests after each kill, for each kind of server."""
    faults: dict[str, Window] = field(default_factory=dict)
    requests: int = 0
    writes: Counter[str] = field(default_factory=Counter)
    """How many writes were confirmed and refused, and how many needed a repetition."""
    deliveries: Counter[int] = field(default_factory=Counter)
    """How many messages arrived once, twice, and so on."""

    @classmethod
    def begin(cls) -> "Report":
        """Describe the machine, and choose the seed: FAULTS_SEED, or the time."""
        seed = int(os.environ.get("FAULTS_SEED") or time.time())
        machine = description(Processors.available(), os.getloadavg()[0])
        return cls(seed, datetime.now(UTC), {name: machine[name] for name in _MACHINE})

    def add(self, journal: Journal, deliveries: Mapping[str, int]) -> None:
        """Add the requests and writes of one journal. `deliveries` counts messages by address."""
        self.requests += len(journal.exchanges)
        for write in journal.writes.values():
            self.writes[f"{write.kind.name} {write.outcome}"] += 1
            self.writes[write.outcome] += 1
            self.writes["repeated"] += write.attempts > 1
            if write.kind is SIGNUP and write.outcome == Outcome.CONFIRMED:
                self.deliveries[deliveries.get(write.key, 0)] += 1

    @property
    def is_complete(self) -> bool:
        """Whether there is a measurement for each row of the page."""
        return self.kills.keys() == KINDS.keys() and self.faults.keys() == FAULTS.keys()

    def write(self, path: str) -> None:
        """Write the page."""
        kills = sum(map(len, self.kills.values()))
        windows = [*chain.from_iterable(self.kills.values()), *self.faults.values()]
        # A request that ran in several windows is counted once.
        unanswered = {
            id(it) for window in windows for it in window.exchanges if not is_answered(it)
        }
        text = _TEMPLATE.read_text().format(
            date=f"{self.began:%Y-%m-%d at %H:%M} UTC",
            rate=REQUESTS_PER_SECOND,
            requests=f"{self.requests:,}",
            unanswered=len(unanswered),
            kills=kills,
            command=f"make faults FAULTS_KILLS={kills} FAULTS_RATE={REQUESTS_PER_SECOND}"
            f" FAULTS_SEED={self.seed}",
            promises=_table(("what", "promised", "measured"), self._promises()),
            killed=_table(("killed", "times", *_PAUSES), self._killed()),
            single=_table(("fault", "promised", "slowest request", *_PAUSES), self._single()),
            machine=_table(("", ""), list(self.machine.items())),
        )
        Path(path).write_text(text)

    def _promises(self) -> list[_Row]:
        orders = f"{self.writes['order confirmed']:,}"
        worker = len(self.kills["worker"])
        confirmed, refused = self.writes[Outcome.CONFIRMED], self.writes[Outcome.REFUSED]
        return [
            ("confirmed writes that are lost", "0", f"**0** of {confirmed:,}"),
            ("orders that one key has placed twice", "0", f"**0** of {orders}"),
            ("pieces that are oversold", "0", f"**0**; {refused:,} orders got `out-of-stock`"),
            (
                "writes whose outcome stays unknown",
                "0",
                f"**0**; {self.writes['repeated']:,} were repeated after 503",
            ),
            (
                "messages of confirmed signups",
                f"each is delivered; at most {1 + worker} times, 1 + kills of the worker",
                ", ".join(
                    f"{count:,} delivered {_times(times)}"
                    for times, count in sorted(self.deliveries.items())
                ),
            ),
        ]

    def _killed(self) -> list[_Row]:
        return [(kind, str(len(self.kills[kind])), *_pauses(self.kills[kind])) for kind in KINDS]

    def _single(self) -> list[_Row]:
        return [
            (fault.done, fault.promised, f"{window.slowest_seconds:.2f} s", *_pauses([window]))
            for fault, window in ((FAULTS[name], self.faults[name]) for name in FAULTS)
        ]


def _pauses(windows: Sequence[Window]) -> _Row:
    """Return the cells of a row for the columns `_PAUSES`."""
    requests = sum(len(window.exchanges) for window in windows)
    failed = sum(window.failed for window in windows)
    reads = max(window.pause_of_reads for window in windows)
    writes = max(window.pause_of_writes for window in windows)
    share = 100 * failed / max(1, requests)
    return (f"{failed:,} of {requests:,} ({share:.1f} %)", f"{reads:.1f} s", f"{writes:.1f} s")


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def _table(header: _Row, rows: Sequence[_Row]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
