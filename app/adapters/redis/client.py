"""The one way to Redis: what is asked at the same time leaves together, and nothing waits long."""

import asyncio
import time
from functools import cache, partial
from typing import Any

import structlog
from circuitbreaker import CircuitBreaker
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig
from redis.typing import EncodableT

from app.settings import Settings
from app.tracing import Attributes, Begun, begin, place_of

_log = structlog.get_logger()
_FAILURES = (RedisError, OSError, TimeoutError)
_Question = tuple[tuple[EncodableT, ...], "asyncio.Future[Any]"]


class RedisUnavailable(Exception):
    """Redis did not answer in time, or was not asked because it did not before."""


class RedisClient:
    """Sends commands in batches over one connection: one goes out while the next one gathers.

    The requests of one moment share the way there and back. It is redis-py's own connection, since
    its pipelines take twice the processor time (docs/performance.md).
    Nobody waits longer than `redis_timeout` seconds.
    After a failure nothing is sent for as long as one would have waited, so that no request
    waits twice; after a few in a row Redis is left alone for some seconds.
    """

    def __init__(self, settings: Settings, *, url: SecretStr | None = None) -> None:
        """Connect to `url`, or else to REDIS_URL."""
        self._timeout = settings.redis_timeout
        self._redis = Redis.from_url(
            (url or settings.redis_url).get_secret_value(),
            # Each batch has a timeout of its own. For this one, redis-py makes a task for each
            # write.
            socket_timeout=None,
            socket_connect_timeout=settings.redis_timeout,
            # What was sent twice would count twice, or bring a generation of the cache back that
            # was replaced in between.
            retry=Retry(NoBackoff(), 0),
            # While notices of maintenance are on, a connection that the server has closed counts
            # as usable, and the first command on it fails.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        pool = self._redis.connection_pool
        self._connection = pool.connection_class(**pool.connection_kwargs)
        self._breaker = CircuitBreaker(
            failure_threshold=settings.redis_breaker_failures,
            recovery_timeout=settings.redis_breaker_recovery,
            expected_exception=_FAILURES,
        )
        self._gathering: list[_Question] = []
        self._sender: asyncio.Task[None] | None = None
        self._resume = 0.0

    def send(self, *command: EncodableT) -> "asyncio.Future[Any]":
        """Send a command, together with all others of this moment.

        The future's result is Redis's answer, or a `RedisUnavailable`; it is never raised, so that
        nobody has to wait for what they no longer need.
        """
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._breaker.opened or time.monotonic() < self._resume:
            answer.set_result(RedisUnavailable())
            return answer
        stage = begin("redis", *_described(str(command[0])))
        if stage is not None:
            answer.add_done_callback(partial(_end, stage))
        self._gathering.append((command, answer))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())
        return answer

    async def ask(self, *command: EncodableT) -> Any:  # noqa: ANN401 - as Redis has it
        """Send a command and return its answer. Raises `RedisUnavailable`."""
        answer = await self.send(*command)
        if isinstance(answer, RedisUnavailable):
            raise answer
        return answer

    async def _send_all(self) -> None:
        try:
            while self._gathering:
                batch, self._gathering = self._gathering, []
                answers = await self._exchange([command for command, _ in batch])
                if answers is None:
                    # Whoever came meanwhile has waited for this one, and would do so once more.
                    batch, self._gathering = batch + self._gathering, []
                    answers = [RedisUnavailable()] * len(batch)
                for (_, waiting), answer in zip(batch, answers, strict=True):
                    if not waiting.done():
                        waiting.set_result(answer)
        finally:
            self._sender = None

    async def _exchange(self, commands: list[tuple[EncodableT, ...]]) -> list[Any] | None:
        try:
            with self._breaker:
                async with asyncio.timeout(self._timeout):
                    return await self._send_and_read(commands)
        except _FAILURES as error:
            _log.warning("redis_unavailable", reason=type(error).__name__)
            self._resume = time.monotonic() + self._timeout
            return None
        except Exception:  # noqa: BLE001 - whoever waits has to hear of it
            _log.exception("redis_exchange_failed")
            return None

    async def _send_and_read(self, commands: list[tuple[EncodableT, ...]]) -> list[Any]:
        connection = self._connection
        try:
            if connection.is_connected and await connection.can_read():
                # Nothing was asked: the server has closed the connection.
                await connection.disconnect(nowait=True)
            await connection.send_packed_command(connection.pack_commands(commands))
            return [await self._read() for _ in commands]
        except BaseException:
            # The next batch would read the answers to this one.
            await connection.disconnect(nowait=True)
            raise

    async def _read(self) -> Any:  # noqa: ANN401 - as Redis has it
        try:
            return await self._connection.read_response()
        except ResponseError:
            # A server that is starting or short of memory answers with an error.
            return RedisUnavailable()

    async def ping(self) -> bool:
        """Tell whether Redis answers in time, even if it did not before."""
        try:
            async with asyncio.timeout(self._timeout):
                return bool(await self._redis.ping())
        except _FAILURES:
            return False

    async def close(self) -> None:
        """Close the connections."""
        await self._connection.disconnect()
        await self._redis.aclose()


@cache
def _described(operation: str) -> tuple[str, Attributes]:
    # The name alone: keys have ids in them, and arguments whole answers.
    named = {"db.system.name": "redis", "db.operation.name": operation}
    return operation, {**named, **place_of(RedisClient.send)}


def _end(stage: Begun, answer: "asyncio.Future[Any]") -> None:
    # Whoever asked may have been given up meanwhile.
    result = asyncio.CancelledError() if answer.cancelled() else answer.result()
    stage.end(result if isinstance(result, BaseException) else None)
