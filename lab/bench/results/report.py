"""Formats the figures for the terminal, for docs/benchmarks.md, and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from lab.bench.choices import Choices
from lab.bench.load.wrk import CONNECTIONS
from lab.bench.results.figures import FIGURES, RATIOS, Ratio, Samples, Spread


@dataclass(frozen=True)
class Report:
    """The results of one run, and the conditions under which they were measured."""

    date: datetime
    choices: Choices
    machine: Mapping[str, str]
    samples: Samples
    rate: float
    """The requests per second at which the latencies were measured."""
    requests: int
    """The number of requests that were answered before the memory was measured again."""
    caveats: Sequence[str]

    def tables(self) -> str:
        """Return both tables in Markdown that is also readable on a terminal."""
        return f"{_table(self._ratios())}\n\n{_table(self._figures())}"

    def page(self) -> str:
        """Return the whole page in Markdown."""
        caveats = "".join(f"\n> {caveat}\n" for caveat in self.caveats)
        return f"""\
# Benchmarks

Written by `make bench` on {self.date:%Y-%m-%d at %H:%M} UTC. The figures are of one machine.
The ratios are of the same run. They show how close the service is to the machine's limits.
{caveats}
## Ratios

{_table(self._ratios())}

## Figures

{_table(self._figures())}

## How they were taken

{self._method()}

## The machine

{_table([["", ""], *self.machine.items()])}
"""

    def fields(self) -> Mapping[str, object]:
        """Return the data of the page: every sample, every figure, every ratio."""
        spreads = {ratio.title: ratio.spread(self.samples) for ratio in self._measured_ratios()}
        return {
            "date": self.date.isoformat(),
            "seconds": self.choices.seconds,
            "rounds": self.choices.rounds,
            "machine": dict(self.machine),
            "rate": self.rate,
            "requests": self.requests,
            "caveats": list(self.caveats),
            "samples": {name: list(values) for name, values in self.samples.items()},
            "figures": {name: asdict(Spread.of(it)) for name, it in self.samples.items()},
            "ratios": {title: asdict(it) for title, it in spreads.items()},
        }

    def _figures(self) -> list[list[str]]:
        rows = [["what", "median", "least", "greatest"]]
        for figure in FIGURES:
            if figure.name not in self.samples:
                continue
            spread = Spread.of(self.samples[figure.name])
            numbers = [_number(it) for it in (spread.median, spread.low, spread.high)]
            rows.append([figure.title, *(f"{number}{figure.unit}" for number in numbers)])
        return rows

    def _ratios(self) -> list[list[str]]:
        header = ["ratio", "median", "least", "greatest", "wanted", "reached"]
        return [header, *(self._ratio(ratio) for ratio in self._measured_ratios())]

    def _measured_ratios(self) -> list[Ratio]:
        return [ratio for ratio in RATIOS if ratio.is_measured(self.samples)]

    def _ratio(self, ratio: Ratio) -> list[str]:
        wanted = f"≤ {ratio.at_most:g}" if ratio.at_most else f"≥ {ratio.at_least:.2f}"
        spread = ratio.spread(self.samples)
        reached = "yes" if ratio.reached(spread.median) else "**no**"
        numbers = [f"{it:.2f}" for it in (spread.median, spread.low, spread.high)]
        return [ratio.title, *numbers, wanted, reached]

    def _peer(self) -> str:
        if "peer_hot" not in self.samples:
            return ""
        return """\
- Fastify is a service in JavaScript that does the same work for the same request. It is one process
  on the same processor, and is measured right after ours in each round.
  [What the figures say](performance.md) describes the service.
"""

    def _pooler(self) -> str:
        if "pooled_cold" not in self.samples:
            return ""
        return """\
- PgBouncer runs in transaction mode, with its default of 20 sessions, on the processors of
  PostgreSQL.
"""

    def _method(self) -> str:
        return f"""\
- All measurements belong to one run of {self.choices.rounds} rounds. Each round takes every
  measurement once, for {self.choices.seconds:g} s. A figure is the median over the rounds, with the
  minimum and the maximum. A ratio is computed in each round, and its median is shown.
- Each Python process runs in uvicorn with the options of production, which include uvloop and
  httptools. The service runs as in production: it writes a line of JSON for each request to a file,
  and counts each request in Valkey, with limits that are too high to be reached. PostgreSQL runs
  with `fsync`. PostgreSQL and Valkey are started for the run, and are deleted after it.
- wrk keeps {CONNECTIONS} connections busy, and fewer for signups and logins, which wait for the
  processor. If a response is an error, the run stops without a result.
- The server under test has one processor for itself. The loops of SQL and of argon2 run on the same
  processor. PostgreSQL, Valkey and wrk share the other processors. Caddy and its two processes
  share all processors.
{self._peer()}- The traced process exports every request's spans to a receiver, which discards them.
{self._pooler()}- "Cold" is a process with `CACHE=off`. But it still caches the user of a session
  for less than a second, as the hot process does.
- The loop of SQL sends nine statements for each order, on as many connections as the service has.
  The nine statements never change, but the service may send fewer. The loop of argon2 has as many
  threads as the service.
- A page is a user with 20 orders of two items each. By REST, it is two calls, so its rate is half
  of the rate of the calls. The bare Strawberry app returns the page from memory, without a token,
  limits or a database.
- Latency is measured at {self.rate:,.0f} requests a second, half of what `GET /api/users/{{id}}`
  reached. It is the time from the planned start of a request, and includes the wait for earlier
  requests.
- Memory is the resident set of the hot process: after its start and a login, and after
  {self.requests:,} requests of all kinds."""


def _table(rows: Sequence[Sequence[str]]) -> str:
    header, *body = rows
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [header, ["-" * width for width in widths], *body]
    return "\n".join(
        f"| {' | '.join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))} |"
        for line in lines
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"  # noqa: PLR2004 - three digits.
