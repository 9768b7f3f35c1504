"""Whether this process can do its work: asked by load balancers and orchestrators."""

import asyncio
from collections.abc import Collection

from app.adapters.redis.client import RedisClient
from app.errors import NotReady
from app.repositories.database import Database
from app.schemas.health import Readiness

_PATIENCE = 1.0
"""Seconds after which a part that has not answered counts as down."""


class HealthService:
    """Knows what is up. `drain()` says that this process is about to end."""

    def __init__(self, database: Database, redis: Collection[RedisClient]) -> None:
        """`redis` has each Redis that is used; one that is away counts for all of them."""
        self._database = database
        self._redis = redis
        self._draining = False
        self._ping: asyncio.Task[None] | None = None

    def drain(self) -> None:
        """Ask for no more requests: from now on, the process is not ready."""
        self._draining = True

    async def readiness(self, exclude: Collection[str] = ()) -> Readiness:
        """Report each part. Raises `NotReady` while draining or without Postgres.

        Redis only degrades: without it, limits hold per process, and reads go to Postgres.
        Parts in `exclude` are reported, but do not decide.
        """
        if self._draining:
            raise NotReady("This process is about to end; send requests to another.")
        postgres_up, *answers = await asyncio.gather(
            self._postgres_answers(), *(link.ping() for link in self._redis)
        )
        redis_up = all(answers)
        report = Readiness(
            status="ready" if postgres_up and redis_up else "degraded",
            postgres="up" if postgres_up else "down",
            redis="up" if redis_up else "down",
        )
        if not postgres_up and "postgres" not in exclude:
            raise NotReady("PostgreSQL does not answer. See that it runs and can be reached.")
        return report

    async def _postgres_answers(self) -> bool:
        # A question to a frozen server cannot even be cancelled quickly. It is left to
        # end by itself, and no second one is asked meanwhile.
        if self._ping is None or self._ping.done():
            self._ping = asyncio.create_task(self._database.ping())
            # That it failed is an answer too, even if nobody waits for it any more.
            self._ping.add_done_callback(lambda ping: ping.cancelled() or ping.exception())
        ping = self._ping
        await asyncio.wait({ping}, timeout=_PATIENCE)
        return ping.done() and not ping.cancelled() and ping.exception() is None
