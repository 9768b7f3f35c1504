"""The measurements of a round. The figures of a ratio are measured soon after each other."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from lab.bench.backends import Backends, sign_in
from lab.bench.load.wrk import Request, Wrk
from lab.bench.pinning import Processors, pinned_to
from lab.bench.subjects import Pair, Subject, Subjects
from lab.stack.errors import LabError

_HASHING_CONNECTIONS: Final = 4
"""The number of connections for requests that hash a password.

It is small, because at the end of a run each connection still has a hash in progress.
"""

_CALLS_OF_A_PAGE: Final = 2
"""The number of REST requests that one GraphQL query replaces."""

Measure = Callable[[float], float]
"""A function that measures for a duration in seconds, and returns a rate per second."""


def requests_to(backends: Backends) -> Mapping[str, Request]:
    """Return the kinds of requests to the service, by name."""
    user = f"/api/users/{backends.user_id}"
    return {
        "user": Request("read", user),
        "products": Request("read", "/api/products"),
        "signup": Request("signup", "/api/users", _HASHING_CONNECTIONS),
        "order": Request("order", f"{user}/orders"),
        "login": Request("login", "/api/auth/login", _HASHING_CONNECTIONS),
        "page": Request("page", user),
        "graphql": Request("graphql", "/graphql"),
    }


class Bench:
    """Makes the measurements of a round."""

    def __init__(
        self, backends: Backends, subjects: Subjects, wrk: Wrk, processors: Processors
    ) -> None:
        self._backends = backends
        self._subjects = subjects
        self._wrk = wrk
        self._processors = processors
        self._requests = requests_to(backends)

    def measures(self) -> Mapping[str, Measure]:
        """Return all measurements of a round by the figure's name, in the order of the round."""
        subjects, hot = self._subjects, self._subjects.hot
        return {
            "bare": partial(self._load, subjects.bare, "user"),
            "hot": partial(self._load, hot, "user"),
            **self._optional("peer_hot", subjects.peers, "user"),
            "traced": partial(self._load, subjects.traced, "user"),
            "sampled": partial(self._load, subjects.sampled, "user"),
            "one_row": partial(self._load, subjects.one_row, "user"),
            "cold": partial(self._load, subjects.cold, "user"),
            **self._optional("peer_cold", subjects.peers, "user", hot=False),
            **self._optional("pooled_cold", subjects.pooled, "user", hot=False),
            "products": partial(self._load, hot, "products"),
            "order_loop": self._order_loop,
            "order": partial(self._load, hot, "order"),
            **self._optional("peer_order", subjects.peers, "order"),
            **self._optional("pooled_order", subjects.pooled, "order"),
            # These come after the orders, because each page has the user's 20 newest orders.
            "page": partial(self._pages, hot),
            "graphql": partial(self._load, hot, "graphql"),
            "page_cold": partial(self._pages, subjects.cold),
            "strawberry": partial(self._load, subjects.strawberry, "graphql"),
            "hashing": self._hashing,
            "signup": partial(self._hashing_load, "signup"),
            "login": partial(self._hashing_load, "login"),
            "balanced": self._balanced,
        }

    def _optional(
        self, name: str, found: Pair | LabError, request: str, *, hot: bool = True
    ) -> Mapping[str, Measure]:
        """Return the measurement of a process. Empty if the process cannot run."""
        if not isinstance(found, Pair):
            return {}
        return {name: partial(self._load, found.hot if hot else found.cold, request)}

    def _load(self, subject: Subject, request: str, seconds: float) -> float:
        return self._wrk.run(subject.port, self._requests[request], seconds)

    def _pages(self, subject: Subject, seconds: float) -> float:
        return self._load(subject, "page", seconds) / _CALLS_OF_A_PAGE

    def _hashing_load(self, request: str, seconds: float) -> float:
        rate = self._load(self._subjects.hot, request, seconds)
        # When a run ends, the service still computes the hashes in progress. This login waits for
        # these hashes, so the next measurement starts with an idle processor.
        sign_in(self._subjects.hot.port)
        return rate

    def _balanced(self, seconds: float) -> float:
        # Two app processes, Caddy and wrk share all processors. A small machine has too few
        # processors to give each process its own.
        with pinned_to(self._processors.all):
            port = self._subjects.balanced.port
            return self._wrk.run(port, self._requests["user"], seconds)

    def _hashing(self, seconds: float) -> float:
        return self._loop("hashing", seconds, len(self._processors.server) or 1)

    def _order_loop(self, seconds: float) -> float:
        return self._loop(
            "order_loop", seconds, self._backends.user_id, *self._backends.product_ids
        )

    def _loop(self, module: str, seconds: float, *arguments: int) -> float:
        program = f"lab.bench.references.{module}"
        with pinned_to(self._processors.server):
            result = subprocess.run(
                [sys.executable, "-m", program, str(seconds), *map(str, arguments)],
                env={**os.environ, "DATABASE_URL": self._backends.postgres.url},
                capture_output=True,
                text=True,
                check=False,
            )
        if result.returncode != 0:
            raise LabError(f"The loop {module} failed:\n\n{result.stderr}")
        return float(result.stdout)
