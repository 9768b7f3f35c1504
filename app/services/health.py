"""Readiness of this process, for load balancers and orchestrators."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from app.errors import NotReady
from app.models.health import State
from app.schemas.health import Part, Readiness


class HealthService:
    """Checks the servers that the process uses. After `drain()`, the process is not ready."""

    def __init__(self) -> None:
        self._checks: list[tuple[Part, Callable[[], Awaitable[State]]]] = []
        self._draining = False

    def add(self, part: Part, check: Callable[[], Awaitable[State]]) -> None:
        """Add a health check of PostgreSQL or Redis. A part is up if all its checks return `up`."""
        self._checks.append((part, check))

    def drain(self) -> None:
        """Report the process as not ready from now on, so that load balancers stop using it."""
        self._draining = True

    async def readiness(self, exclude: Collection[str] = ()) -> Readiness:
        """Return the state of PostgreSQL and Redis.

        Raises `NotReady` after `drain()`. Also raises `NotReady` if PostgreSQL is down, unless
        `exclude` contains "postgres". The status is `degraded` if one of the two is not up. While
        PostgreSQL is read-only, writes fail. Without Redis, the process counts rate limits by
        itself, and all reads go to PostgreSQL.
        """
        if self._draining:
            raise NotReady("This process is shutting down. Send requests to another process.")
        found = await asyncio.gather(*(check() for _, check in self._checks))
        states: dict[Part, State] = {}
        for (part, _), state in zip(self._checks, found, strict=True):
            if states.get(part, "up") == "up":
                states[part] = state
        if states["postgres"] == "down" and "postgres" not in exclude:
            raise NotReady("PostgreSQL does not answer. Check that it runs and can be reached.")
        return Readiness(
            status="ready" if set(states.values()) == {"up"} else "degraded",
            postgres=states["postgres"],
            redis="up" if states["redis"] == "up" else "down",
        )
