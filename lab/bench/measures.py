"""What is measured in each round, in an order that puts next to each other what is compared."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from lab.bench.ground import Ground, sign_in
from lab.bench.pinning import Processors, pinned_to
from lab.bench.subjects import Peers, Subject, Subjects
from lab.bench.wrk import Request, Wrk
from lab.stack.errors import LabError

_HASHING: Final = 4
"""Connections that keep the threads busy; each has a hash under way when the run is over."""

Measure = Callable[[float], float]
"""Takes the seconds that it may last, gives a figure a second."""


def requests_to(ground: Ground) -> Mapping[str, Request]:
    """Return what can be asked of the service, by the name of the figure."""
    user = f"/api/users/{ground.user_id}"
    return {
        "user": Request("read", user),
        "products": Request("read", "/api/products"),
        "signup": Request("signup", "/api/users", _HASHING),
        "order": Request("order", f"{user}/orders"),
        "login": Request("login", "/api/auth/login", _HASHING),
    }


class Bench:
    """Holds what the measurements need, and makes them."""

    def __init__(
        self, ground: Ground, subjects: Subjects, wrk: Wrk, processors: Processors
    ) -> None:
        self._ground = ground
        self._subjects = subjects
        self._wrk = wrk
        self._processors = processors
        self._requests = requests_to(ground)

    def measures(self) -> Mapping[str, Measure]:
        """Return all that is measured in a round, by the name of the figure, in its order."""
        on, hot = self._subjects, self._subjects.hot
        return {
            "bare": partial(self._load, on.bare, "user"),
            "hot": partial(self._load, hot, "user"),
            **self._of_peer("peer_hot"),
            "traced": partial(self._load, on.traced, "user"),
            "sampled": partial(self._load, on.sampled, "user"),
            "one_row": partial(self._load, on.one_row, "user"),
            "cold": partial(self._load, on.cold, "user"),
            **self._of_peer("peer_cold"),
            "products": partial(self._load, hot, "products"),
            "order_loop": self._order_loop,
            "order": partial(self._load, hot, "order"),
            **self._of_peer("peer_order"),
            "hashing": self._hashing,
            "signup": partial(self._hashing_load, "signup"),
            "login": partial(self._hashing_load, "login"),
            "balanced": self._balanced,
        }

    def _of_peer(self, name: str) -> Mapping[str, Measure]:
        peers = self._subjects.peers
        if not isinstance(peers, Peers):
            return {}
        subject, request = {
            "peer_hot": (peers.hot, "user"),
            "peer_cold": (peers.cold, "user"),
            "peer_order": (peers.hot, "order"),
        }[name]
        return {name: partial(self._load, subject, request)}

    def _load(self, subject: Subject, request: str, seconds: float) -> float:
        return self._wrk.run(subject.port, self._requests[request], seconds).rate

    def _hashing_load(self, request: str, seconds: float) -> float:
        rate = self._load(self._subjects.hot, request, seconds)
        # Nobody waits any more for the hashes that were under way, but they are made; a login comes
        # after the last of them. Whoever is measured next has the processor to himself.
        sign_in(self._subjects.hot.port)
        return rate

    def _balanced(self, seconds: float) -> float:
        # Two processes, Caddy, Valkey and wrk: on a small machine there is no fair division.
        with pinned_to(self._processors.all):
            port = self._subjects.balanced.port
            return self._wrk.run(port, self._requests["user"], seconds).rate

    def _hashing(self, seconds: float) -> float:
        return self._loop("hashing", seconds, len(self._processors.server) or 1)

    def _order_loop(self, seconds: float) -> float:
        return self._loop("order_loop", seconds, self._ground.user_id, *self._ground.product_ids)

    def _loop(self, module: str, seconds: float, *arguments: int) -> float:
        with pinned_to(self._processors.server):
            result = subprocess.run(
                [sys.executable, "-m", f"lab.bench.{module}", str(seconds), *map(str, arguments)],
                env={**os.environ, "DATABASE_URL": self._ground.postgres.url},
                capture_output=True,
                text=True,
                check=False,
            )
        if result.returncode != 0:
            raise LabError(f"The loop {module} failed:\n\n{result.stderr}")
        return float(result.stdout)
