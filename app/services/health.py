"""Readiness of this process, for load balancers and orchestrators."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from app.errors import NotReady
from app.schemas.health import Part, Readiness


class HealthService:
    """Checks the servers that the process uses. After `drain()`, the process is not ready."""

    def __init__(self) -> None:
        self._checks: list[tuple[Part, Callable[[], Awaitable[bool]]]] = []
        self._draining = False

    def add(self, part: Part, answers: Callable[[], Awaitable[bool]]) -> None:
        """Add a health check. A part is up if all of its checks return True."""
        self._checks.append((part, answers))

    def drain(self) -> None:
        """Report the process as not ready from now on, so that it gets no new requests."""
        self._draining = True

    async def readiness(self, exclude: Collection[str] = ()) -> Readiness:
        """Return the state of PostgreSQL and Redis.

        Raises `NotReady` after `drain()`. Raises it also if PostgreSQL is down, unless `exclude`
        contains "postgres". Without Redis the process is ready but degraded: each process counts
        rate limits by itself, and all reads go to PostgreSQL.
        """
        if self._draining:
            raise NotReady("This process is shutting down. Send requests to another process.")
        answered = await asyncio.gather(*(answers() for _, answers in self._checks))
        down = {part for (part, _), is_up in zip(self._checks, answered, strict=True) if not is_up}
        if "postgres" in down and "postgres" not in exclude:
            raise NotReady("PostgreSQL does not answer. Check that it runs and can be reached.")
        return Readiness(
            status="degraded" if down else "ready",
            postgres="down" if "postgres" in down else "up",
            redis="down" if "redis" in down else "up",
        )
