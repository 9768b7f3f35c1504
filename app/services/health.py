"""Readiness of this process, for load balancers and orchestrators."""

import asyncio
from collections.abc import Collection

from app.adapters.redis.client import RedisClient
from app.errors import NotReady
from app.repositories.database import Database
from app.schemas.health import Readiness
from app.task_outcomes import ignore_outcome

_PING_TIMEOUT_SECONDS = 1.0
"""PostgreSQL counts as down if it does not answer within this time."""


class HealthService:
    """Checks PostgreSQL and Redis. After `drain()`, the process is not ready."""

    def __init__(self, database: Database, redis: Collection[RedisClient]) -> None:
        """Check each client in `redis`. Redis counts as down if one of them gets no answer."""
        self._database = database
        self._redis = redis
        self._draining = False
        self._ping: asyncio.Task[None] | None = None

    def drain(self) -> None:
        """Report the process as not ready from now on, so that it gets no new requests."""
        self._draining = True

    async def readiness(self, exclude: Collection[str] = ()) -> Readiness:
        """Return the state of PostgreSQL and Redis.

        Raises `NotReady` while draining, or if PostgreSQL is down and not in `exclude`. Without
        Redis the process is ready but degraded: each process counts rate limits by itself, and all
        reads go to PostgreSQL.
        """
        if self._draining:
            raise NotReady("This process is shutting down. Send requests to another process.")
        postgres_up, *redis_pings = await asyncio.gather(
            self._postgres_answers(), *(client.ping() for client in self._redis)
        )
        redis_up = all(redis_pings)
        report = Readiness(
            status="ready" if postgres_up and redis_up else "degraded",
            postgres="up" if postgres_up else "down",
            redis="up" if redis_up else "down",
        )
        if not postgres_up and "postgres" not in exclude:
            raise NotReady("PostgreSQL does not answer. Check that it runs and can be reached.")
        return report

    async def _postgres_answers(self) -> bool:
        # A statement on a frozen server cannot be cancelled quickly. The ping therefore runs
        # until it ends by itself, and no second ping starts before that.
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(self._database.ping())
            # It may fail after the timeout.
            self._ping.add_done_callback(ignore_outcome)
        ping = self._ping
        await asyncio.wait({ping}, timeout=_PING_TIMEOUT_SECONDS)
        return ping.done() and not ping.cancelled() and ping.exception() is None
