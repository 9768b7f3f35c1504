"""Connections to all primaries of a Redis Cluster."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import RedisCluster
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.adapters.redis.connecting import (
    WRITE_CHECK_SECONDS,
    Command,
    ConnectionOptions,
    close_cluster,
    cluster_client,
)
from app.adapters.redis.errors import FAILURES, RedisUnavailable, refuses_writes

_MAX_TRIED_KEYS: Final = 1_000
_CONNECTION_ERRORS: Final = (RedisConnectionError, RedisTimeoutError, OSError)


class Cluster:
    """Divides each batch among the primaries. If one of them fails, the whole batch fails.

    At most once a second, a write is sent to each primary before a batch. This write fails if a
    primary does not answer, accepts no writes, or has become a replica. Without this write, a
    process that only reads from a primary, or sends no commands to it, would not notice a failover.
    After a failover, the process must repeat its last invalidations, because the new primary may
    lack them.
    """

    def __init__(self, options: ConnectionOptions) -> None:
        self._cluster = cluster_client(options.url, timeout_seconds=options.timeout_seconds)
        # `check` has its own client, because it can run while a batch waits for its answers.
        self._for_checks = cluster_client(options.url, timeout_seconds=options.timeout_seconds)
        self._options = options
        self._primaries: set[str] = set()
        """The primaries of the last batch. Empty before the first batch, and after a failure."""
        self._next_write_check = 0.0

    def slot(self, key: str) -> int:
        """Return the slot of a key. The slot decides which primary has the key."""
        return self._cluster.keyslot(key)

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send a batch of commands; see `RedisConnection`."""
        try:
            now = time.monotonic()
            if now >= self._next_write_check:
                await self._write_after_pause()
                self._next_write_check = now + WRITE_CHECK_SECONDS
            answers = await _send(self._cluster, commands)
        except BaseException:
            # Reset, so that the next batch asks for the primaries again, and checks them.
            self._primaries, self._next_write_check = set(), 0.0
            await close_cluster(self._cluster)
            raise
        # redis-py may have followed a redirection to a new primary while it sent the batch.
        primaries = {node.name for node in self._cluster.get_primaries()}
        if primaries != self._primaries:
            self._primaries = primaries
            self._options.on_other_server()
        return answers

    async def _write_after_pause(self) -> None:
        try:
            await self._write(self._cluster)
        except RedisConnectionError:
            if not self._primaries:
                raise
            # A server may have closed an idle connection. Try once more, before the batch: the
            # commands of a batch must not run twice.
            self._primaries = set()
            await close_cluster(self._cluster)
            await self._write(self._cluster)

    async def _write(self, cluster: RedisCluster) -> None:
        """Send a write to each primary. An UNLINK of a missing key deletes nothing."""
        await cluster.initialize()
        keys: dict[str, str] = {}
        for number in range(_MAX_TRIED_KEYS):
            key = f"{self._options.missing_key}:{number}"
            node = cluster.get_node_from_key(key)
            if node is not None:
                keys.setdefault(node.name, key)
            if len(keys) == len(cluster.get_primaries()):
                break
        answers = await _send(cluster, [("UNLINK", key) for key in keys.values()])
        if any(isinstance(answer, RedisUnavailable) for answer in answers):
            raise RedisError("A primary refused a write.")

    async def check(self) -> None:
        """Send a write that changes nothing to each primary; see `RedisConnection`."""
        try:
            await self._write(self._for_checks)
        except BaseException:
            await close_cluster(self._for_checks)
            raise

    async def close(self) -> None:
        """Close all connections."""
        for cluster in (self._cluster, self._for_checks):
            with suppress(*FAILURES):
                await close_cluster(cluster)


async def _send(cluster: RedisCluster, commands: Sequence[Command]) -> list[Any]:
    pipeline = cluster.pipeline()
    for command in commands:
        pipeline.execute_command(*command)
    return [_answer(it) for it in await pipeline.execute(raise_on_error=False)]


def _answer(answer: Any) -> Any:  # noqa: ANN401 - depends on the command
    if not isinstance(answer, Exception):
        return answer
    if refuses_writes(answer) or isinstance(answer, _CONNECTION_ERRORS):
        raise answer
    # An error such as OOM (out of memory) concerns one command only. While a slot moves to another
    # primary, redis-py cannot follow some redirections, and returns errors of several types.
    return RedisUnavailable()
