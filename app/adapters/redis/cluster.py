"""Connections to all primaries of a Redis Cluster."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import RedisCluster
from redis.exceptions import ResponseError

from app.adapters.redis.connecting import Command, cluster_client
from app.adapters.redis.errors import FAILURES, RedisUnavailable, refuses_writes

_CHECK_SECONDS: Final = 1.0
"""The minimum time between two checks whether all primaries answer."""


class Cluster:
    """Divides each batch among the primaries. If one of them fails, the whole batch fails.

    A primary that fails may have confirmed an invalidation that its replica, the next primary,
    never got. So all primaries are checked at most once a second, before a batch. Otherwise this
    process might not notice the failure, if it sends no commands to that primary.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_seconds: float,
        missing_key: str,
        on_other_server: Callable[[], None],
    ) -> None:
        """`missing_key` never exists, so UNLINK of it is a write that deletes nothing.

        `on_other_server` is called after each connection to a server that may not have all earlier
        writes.
        """
        self._cluster = cluster_client(url, timeout_seconds=timeout_seconds)
        self._missing_key = missing_key
        self._is_connected = False
        self._next_check = 0.0
        self._on_other_server = on_other_server

    def slot(self, key: str) -> int:
        """Return the slot of a key, which decides on which primary the key is."""
        return self._cluster.keyslot(key)

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send a batch of commands; see `RedisConnection`."""
        try:
            await self._connect_and_check()
            pipeline = self._cluster.pipeline()
            for command in commands:
                pipeline.execute_command(*command)
            return [_answer(it) for it in await pipeline.execute(raise_on_error=False)]
        except BaseException:
            # The next batch asks for the primaries again.
            self._is_connected = False
            await self._cluster.aclose()
            raise

    async def _connect_and_check(self) -> None:
        now = time.monotonic()
        if self._is_connected and now < self._next_check:
            return
        await self._cluster.ping(target_nodes=RedisCluster.PRIMARIES)
        self._next_check = now + _CHECK_SECONDS
        if not self._is_connected:
            self._is_connected = True
            self._on_other_server()

    async def check(self) -> None:
        """Write nothing, on a connection of its own; see `RedisConnection`."""
        await self._cluster.ping(target_nodes=RedisCluster.PRIMARIES)
        # If no primary has a part of the keys, the cluster refuses this command.
        await self._cluster.unlink(self._missing_key)

    async def close(self) -> None:
        """Close all connections."""
        with suppress(*FAILURES):
            await self._cluster.aclose()


def _answer(answer: Any) -> Any:  # noqa: ANN401 - depends on the command
    if not isinstance(answer, Exception):
        return answer
    if isinstance(answer, ResponseError) and not refuses_writes(answer):
        # An error such as OOM (out of memory) concerns one command only.
        return RedisUnavailable()
    raise answer
