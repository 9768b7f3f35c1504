"""The Redis client: it sends concurrent commands in one batch, with a short timeout."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from typing import Any, Final

import structlog
from circuitbreaker import CircuitBreaker
from pydantic import SecretStr
from redis.exceptions import MasterDownError, ReadOnlyError, RedisError, ResponseError
from redis.typing import EncodableT

from app.adapters.redis.connecting import close, redis_client
from app.models.health import State
from app.settings import Settings
from app.tracing import ActiveStage, Attributes, begin_stage, code_attributes

_log = structlog.get_logger()
# uvloop raises RuntimeError for a write to a connection that the server has reset.
_FAILURES = (RedisError, OSError, TimeoutError, RuntimeError)
_WRITE_REFUSAL_CODES: Final = ("MISCONF", "NOREPLICAS")
"""Further errors of a server that accepts no writes. redis-py has no classes for these two."""
_WRITE_CHECK_SECONDS: Final = 1.0
"""The minimum time between two checks whether the server accepts writes."""
_Command = tuple[EncodableT, ...]
_QueuedCommand = tuple[_Command, "asyncio.Future[Any]"]


class RedisUnavailable(Exception):
    """Redis did not answer, or answered with an error, or the client paused after a failure."""


class RedisClient:
    """Sends commands in batches over one connection.

    While Redis answers a batch, new commands are queued for the next batch. So concurrent requests
    share a round trip. The client uses redis-py's connection directly, because redis-py's
    pipelines take more processor time (docs/performance.md).

    A batch takes at most `redis_timeout` seconds. A command may first wait for the batch before its
    own. After a failure, the client sends no batch for `redis_timeout` seconds, so that no request
    waits twice. After `redis_breaker_failures` failures in a row, it sends no batch for
    `redis_breaker_recovery` seconds.

    A primary that has become a replica still answers reads, with values that may be old, but it
    refuses writes. So the client adds a write to a batch, at most once a second. If the server
    refuses the write, the batch fails.
    """

    def __init__(self, settings: Settings, *, url: SecretStr | None = None) -> None:
        """Connect to `url`, or else to REDIS_URL."""
        self._timeout = settings.redis_timeout
        address = (url or settings.redis_url).get_secret_value()
        self._redis = redis_client(address, timeout_seconds=settings.redis_timeout)
        # All batches use the connection below. `state` uses a connection of the pool, because it
        # also runs while a batch waits for its answers, or while the breaker is open.
        pool = self._redis.connection_pool
        self._connection = pool.connection_class(**pool.connection_kwargs)
        self._breaker = CircuitBreaker(
            failure_threshold=settings.redis_breaker_failures,
            recovery_timeout=settings.redis_breaker_recovery,
            expected_exception=_FAILURES,
        )
        # This key never exists. So UNLINK is a write that deletes nothing.
        self._missing_key = f"{settings.redis_key_prefix}:missing"
        self._next_write_check = 0.0
        self._queue: list[_QueuedCommand] = []
        self._sending: asyncio.Task[None] | None = None
        self._paused_until = 0.0
        self.on_other_server: Callable[[], None] = _do_nothing
        """Called after each connection to a server that may differ from the previous server."""
        self._server: object = None

    def send(self, *command: EncodableT) -> "asyncio.Future[Any]":
        """Send a command, in one batch with all commands that are queued at this moment.

        The future's result is Redis's answer, or a `RedisUnavailable`. The future never raises, so
        a caller that ignores the answer does not have to await it.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._breaker.opened or time.monotonic() < self._paused_until:
            answer.set_result(RedisUnavailable())
            return answer
        stage = begin_stage("redis", *_span_of(str(command[0])))
        if stage is not None:
            answer.add_done_callback(partial(_end, stage))
        self._queue.append((command, answer))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all())
        return answer

    async def _send_all(self) -> None:
        try:
            while self._queue:
                batch, self._queue = self._queue, []
                answers = await self._exchange([command for command, _ in batch])
                if answers is None:
                    # Commands that were queued meanwhile fail too: they have already waited for
                    # this batch, and must not wait again.
                    batch, self._queue = batch + self._queue, []
                    answers = [RedisUnavailable()] * len(batch)
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)
        finally:
            self._sending = None

    async def _exchange(self, commands: list[_Command]) -> list[Any] | None:
        try:
            with self._breaker:
                async with asyncio.timeout(self._timeout):
                    return await self._send_with_write_check(commands)
        except _FAILURES as error:
            _log.warning("redis_unavailable", reason=_reason(error))
            # After a refused write, the same address may lead to another server with other data.
            # After any other failure, it leads to the same server, or to a server without data.
            if isinstance(error, ResponseError) and _refuses_writes(error):
                self._server = None
            self._paused_until = time.monotonic() + self._timeout
            self._next_write_check = 0.0
            return None
        except Exception:  # noqa: BLE001 - the waiting callers need an answer
            _log.exception("redis_exchange_failed")
            return None

    async def _send_with_write_check(self, commands: list[_Command]) -> list[Any]:
        now = time.monotonic()
        if now < self._next_write_check:
            return await self._send_and_read(commands)
        _, *answers = await self._send_and_read([("UNLINK", self._missing_key), *commands])
        self._next_write_check = now + _WRITE_CHECK_SECONDS
        return answers

    async def _send_and_read(self, commands: list[_Command]) -> list[Any]:
        connection = self._connection
        try:
            if connection.is_connected and await connection.can_read():
                # No answer is due, so readable data means that the server closed the connection.
                await connection.disconnect(nowait=True)
            if not connection.is_connected:
                # With Sentinel, `send_packed_command` would connect without asking for the primary.
                await connection.connect()  # type: ignore[no-untyped-call] # redis-py has no types here
                # These pieces contain the address of the server.
                server = connection.repr_pieces()  # type: ignore[no-untyped-call] # as above
                if self._server != server:
                    self.on_other_server()
                self._server = server
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await self._read() for _ in commands]
        except BaseException:
            # Otherwise the next batch would read the answers to this batch.
            await connection.disconnect(nowait=True)
            raise

    async def _read(self) -> Any:  # noqa: ANN401 - depends on the command
        try:
            return await self._connection.read_response()
        except ResponseError as error:
            if _refuses_writes(error):
                # This may be an old primary, whose answers to reads may be old. So the whole batch
                # fails. The next connection may reach the new primary.
                raise
            # After an error such as OOM (out of memory), the connection is still usable, and the
            # answers to the other commands follow.
            return RedisUnavailable()

    async def state(self) -> State:
        """Return "up" if Redis accepts a write before the timeout, even after earlier failures."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._redis.unlink(self._missing_key)
        except ResponseError:
            # Close the idle connections of the pool. A new connection may reach the new primary.
            with suppress(*_FAILURES):
                await self._redis.connection_pool.disconnect(inuse_connections=False)
            return "down"
        except _FAILURES:
            return "down"
        return "up"

    async def close(self) -> None:
        """Wait for the batches that are being sent, then close the connections."""
        if self._sending is not None:
            await asyncio.wait({self._sending})
        # With TLS, `disconnect` without `nowait` would wait for a server that does not answer.
        await self._connection.disconnect(nowait=True)
        with suppress(*_FAILURES):
            await close(self._redis)


def _do_nothing() -> None:
    pass


def _refuses_writes(error: ResponseError) -> bool:
    return isinstance(error, ReadOnlyError | MasterDownError) or str(error).startswith(
        _WRITE_REFUSAL_CODES
    )


def _reason(error: Exception) -> str:
    name = type(error).__name__
    # The texts of all other errors may quote the command, and AUTH contains the password.
    is_safe = isinstance(error, ResponseError) and _refuses_writes(error)
    return f"{name}: {error}" if is_safe else name


@cache
def _span_of(operation: str) -> tuple[str, Attributes]:
    # The span has only the command's name: keys contain ids, and arguments contain whole responses.
    attributes = {"db.system.name": "redis", "db.operation.name": operation}
    return operation, {**attributes, **code_attributes(RedisClient.send)}


def _end(stage: ActiveStage, answer: "asyncio.Future[Any]") -> None:
    # The request may have been cancelled meanwhile.
    result = asyncio.CancelledError() if answer.cancelled() else answer.result()
    stage.end(result if isinstance(result, BaseException) else None)
