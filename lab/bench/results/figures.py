"""The figures and ratios of the benchmark: medians over all rounds, with their spread."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

Samples = Mapping[str, Sequence[float]]
"""For each figure, one sample for each round, in the order of the rounds; for memory, only one."""


@dataclass(frozen=True)
class Spread:
    """The median, the minimum and the maximum of some samples."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> "Spread":
        """Summarize the samples of all rounds."""
        return cls(median(samples), min(samples), max(samples))


@dataclass(frozen=True)
class Figure:
    """One quantity that is measured."""

    name: str
    title: str
    unit: str = "/s"


@dataclass(frozen=True)
class Ratio:
    """The ratio of two figures, and its objective: a minimum or a maximum."""

    title: str
    over: str
    under: str
    at_least: float | None = None
    at_most: float | None = None

    def is_measured(self, samples: Samples) -> bool:
        """Return whether there are samples of both figures."""
        return self.over in samples and self.under in samples

    def spread(self, samples: Samples) -> Spread:
        """Calculate the ratio of each round, and return the spread of these ratios.

        A disturbance in a round affects both figures of the round, so their ratio hardly changes.
        """
        pairs = zip(samples[self.over], samples[self.under], strict=True)
        return Spread.of([over / under for over, under in pairs])

    def reached(self, value: float) -> bool:
        """Return whether the value meets the objective."""
        if self.at_least is not None:
            return value >= self.at_least
        return self.at_most is None or value <= self.at_most


FIGURES: Final = (
    Figure("bare", "`bare`: the smallest FastAPI app with the same JSON"),
    Figure("hot", "`GET /api/users/{id}`, hot: token, rate limit, cache"),
    Figure("peer_hot", "Fastify: `GET /api/users/{id}`, hot"),
    Figure("traced", "`GET /api/users/{id}`, hot, with each request traced and its spans sent out"),
    Figure("sampled", "`GET /api/users/{id}`, hot, with one request in ten traced"),
    Figure("cold", "`GET /api/users/{id}`, cold: the cache is off"),
    Figure("peer_cold", "Fastify: `GET /api/users/{id}`, cold"),
    Figure("pooled_cold", "`GET /api/users/{id}`, cold, through PgBouncer"),
    Figure("one_row", "limit: one row by psycopg's pool in the bare app"),
    Figure("products", "`GET /api/products`, hot: 20 products"),
    Figure("order", "`POST /api/users/{id}/orders`: two products, with a key"),
    Figure("peer_order", "Fastify: `POST /api/users/{id}/orders`"),
    Figure("pooled_order", "`POST /api/users/{id}/orders` through PgBouncer"),
    Figure("order_loop", "reference: the nine statements of an order by psycopg in a bare loop"),
    Figure("page", "a user with 20 orders by two REST calls, hot"),
    Figure("page_cold", "a user with 20 orders by two REST calls, cold"),
    Figure("graphql", "`POST /graphql`: a user with 20 orders by one query"),
    Figure("strawberry", "limit: a bare Strawberry app with the same data in memory"),
    Figure("signup", "`POST /api/users`"),
    Figure("login", "`POST /api/auth/login`"),
    Figure("hashing", "limit: argon2 hashes in a bare loop"),
    Figure("balanced", "`GET /api/users/{id}`, hot, through Caddy, two processes"),
    Figure("hot_p50", "`GET /api/users/{id}` at half load: p50", " ms"),
    Figure("bare_p50", "`bare` at the same rate: p50", " ms"),
    Figure("hot_p99", "`GET /api/users/{id}` at half load: p99", " ms"),
    Figure("bare_p99", "`bare` at the same rate: p99", " ms"),
    Figure("memory_at_rest", "memory of one process at rest", " MiB"),
    Figure("memory_after", "memory of the same process after the run", " MiB"),
)

RATIOS: Final = (
    Ratio("hot ÷ bare", "hot", "bare", at_least=0.62),
    Ratio("cold ÷ one row by psycopg's pool", "cold", "one_row", at_least=0.65),
    Ratio("signups ÷ argon2 hashes", "signup", "hashing", at_least=0.90),
    Ratio("orders ÷ nine statements in a bare loop", "order", "order_loop", at_least=0.45),
    Ratio("one GraphQL query ÷ two REST calls, cold", "graphql", "page_cold", at_least=0.40),
    Ratio("one GraphQL query ÷ two REST calls, hot", "graphql", "page", at_least=0.04),
    Ratio("one GraphQL query ÷ bare Strawberry", "graphql", "strawberry", at_least=0.60),
    Ratio("p99 at half load ÷ p99 of bare at the same rate", "hot_p99", "bare_p99", at_most=3),
    Ratio("tracing on ÷ off", "traced", "hot", at_least=0.50),
    Ratio("one trace in ten ÷ tracing off", "sampled", "hot", at_least=0.68),
    Ratio("Fastify ÷ ours, hot", "peer_hot", "hot", at_most=2),
    Ratio("Fastify ÷ ours, cold", "peer_cold", "cold", at_most=5),
    Ratio("Fastify ÷ ours, orders", "peer_order", "order", at_most=2),
    Ratio("through PgBouncer ÷ direct, cold", "pooled_cold", "cold", at_least=0.70),
    Ratio("through PgBouncer ÷ direct, orders", "pooled_order", "order", at_least=0.70),
    Ratio("memory after the run ÷ at rest", "memory_after", "memory_at_rest", at_most=1.2),
)
