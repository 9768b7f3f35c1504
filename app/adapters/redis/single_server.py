"""One connection to one Redis server: at its own address, or the primary that Sentinel names."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hiredis import pack_command
from redis.exceptions import ResponseError

from app.adapters.redis.connecting import (
    WRITE_CHECK_SECONDS,
    Command,
    ConnectionOptions,
    close,
    redis_client,
)
from app.adapters.redis.errors import FAILURES, RedisUnavailable, refuses_writes


class SingleServer:
    """Sends each batch over one connection.

    It uses redis-py's connection directly, because redis-py's pipelines take more processor time
    (docs/performance.md).

    A primary that has become a replica still answers reads, with values that may be old, but it
    refuses writes. So at most once a second, a batch begins with a write. If the server refuses the
    write, the batch fails.
    """

    def __init__(self, options: ConnectionOptions) -> None:
        self._redis = redis_client(options.url, timeout_seconds=options.timeout_seconds)
        # All batches use the connection below. `check` uses a connection of the pool, because a
        # check can run while a batch waits for its answers.
        pool = self._redis.connection_pool
        self._connection = pool.connection_class(**pool.connection_kwargs)
        self._options = options
        self._next_write_check = 0.0
        self._server: object = None

    def slot(self, _: str) -> int:
        """Return the same slot for all keys: one command may have any keys."""
        return 0

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send a batch of commands; see `RedisConnection`."""
        try:
            return await self._send_with_write_check(commands)
        except BaseException as error:
            # If the connection stayed open, the next batch could read the answers to this batch.
            await self._connection.disconnect(nowait=True)
            self._next_write_check = 0.0
            # After a refused write, the same address may lead to another server with other data. So
            # forget the address: the next connection then calls `on_other_server`. After any other
            # failure, the address leads to the same server, or to a server without data.
            if refuses_writes(error):
                self._server = None
            raise

    async def _send_with_write_check(self, commands: Sequence[Command]) -> list[Any]:
        now = time.monotonic()
        if now < self._next_write_check:
            return await self._send_and_read(commands)
        _, *answers = await self._send_and_read([("UNLINK", self._options.missing_key), *commands])
        self._next_write_check = now + WRITE_CHECK_SECONDS
        return answers

    async def _send_and_read(self, commands: Sequence[Command]) -> list[Any]:
        connection = self._connection
        if connection.is_connected and await connection.can_read():
            # No answer is due, so readable data means that the server closed the connection.
            await connection.disconnect(nowait=True)
        if not connection.is_connected:
            # With Sentinel, `send_packed_command` would connect without asking for the primary.
            await connection.connect()  # type: ignore[no-untyped-call] # redis-py has no types here
            # These pieces contain the address of the server.
            server = connection.repr_pieces()  # type: ignore[no-untyped-call] # as above
            if self._server != server:
                self._options.on_other_server()
            self._server = server
        # `pack_command` of hiredis takes a sixth of the time of redis-py's `pack_commands`. But
        # hiredis does not split a name such as `CLIENT LIST`, and refuses None and booleans.
        packed = [*map(pack_command, commands)]  # type: ignore[arg-type] # declared for one item
        await connection.send_packed_command(packed)
        return [await self._read() for _ in commands]

    async def _read(self) -> Any:  # noqa: ANN401 - depends on the command
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            if refuses_writes(error):
                # This may be an old primary, whose answers to reads may be old. So the whole batch
                # fails. The next connection may reach the new primary.
                raise
            # After an error such as OOM (out of memory), the connection is still usable, and the
            # answers to the other commands follow.
            return RedisUnavailable()

    async def check(self) -> None:
        """Send a write that changes nothing, on a separate connection; see `RedisConnection`."""
        try:
            await self._redis.unlink(self._options.missing_key)
        except ResponseError:
            # Close the idle connections of the pool. A new connection may reach the new primary.
            with suppress(*FAILURES):
                await self._redis.connection_pool.disconnect(inuse_connections=False)
            raise

    async def close(self) -> None:
        """Close all connections."""
        # With TLS, `disconnect` without `nowait` would wait for a server that does not answer.
        await self._connection.disconnect(nowait=True)
        with suppress(*FAILURES):
            await close(self._redis)
