"""The Redis client: it sends concurrent commands in one batch, with a short timeout."""

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

import structlog
from circuitbreaker import CircuitBreaker
from pydantic import SecretStr
from redis.typing import EncodableT

from app.adapters.redis.cluster import Cluster
from app.adapters.redis.connecting import Command, ConnectionOptions, RedisConnection
from app.adapters.redis.errors import FAILURES, RedisUnavailable, reason
from app.adapters.redis.single_server import SingleServer
from app.models.health import State
from app.settings import Settings
from app.tracing import ActiveStage, Attributes, begin_stage, code_attributes

_log = structlog.get_logger()
_QueuedCommand = tuple[Command, "asyncio.Future[Any]"]


class RedisClient:
    """Sends commands in batches, one batch at a time.

    While Redis answers a batch, new commands are queued for the next batch. So concurrent requests
    share a round trip.

    A batch takes at most `redis_timeout` seconds. Before that, a command may wait for the previous
    batch. After a failure, the client sends no batch for `redis_timeout` seconds, so that no
    request waits for the timeout twice. After `redis_breaker_failures` failures in a row, the
    client sends no batch for `redis_breaker_recovery` seconds.
    """

    def __init__(self, settings: Settings, *, url: SecretStr | None = None) -> None:
        """`url` is the address of the server; None means REDIS_URL. The first batch connects."""
        self._timeout = settings.redis_timeout
        address = (url or settings.redis_url).get_secret_value()
        kind = Cluster if urlsplit(address).scheme.endswith("+cluster") else SingleServer
        options = ConnectionOptions(
            address,
            timeout_seconds=settings.redis_timeout,
            missing_key=f"{settings.redis_key_prefix}:missing",
            on_other_server=lambda: self.on_other_server(),  # noqa: PLW0108 - set later
        )
        self._connection: RedisConnection = kind(options)
        self._breaker = CircuitBreaker(
            failure_threshold=settings.redis_breaker_failures,
            recovery_timeout=settings.redis_breaker_recovery,
            expected_exception=FAILURES,
        )
        self._queue: list[_QueuedCommand] = []
        self._sending: asyncio.Task[None] | None = None
        self._paused_until = 0.0
        self.on_other_server: Callable[[], None] = lambda: None
        """Called after each connection to a server that may lack earlier writes."""

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

    def groups(self, keys: Iterable[str]) -> list[list[str]]:
        """Divide keys into groups, so that one command may have all keys of a group."""
        groups: dict[int, list[str]] = {}
        for key in keys:
            groups.setdefault(self._connection.slot(key), []).append(key)
        return list(groups.values())

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

    async def _exchange(self, commands: list[Command]) -> list[Any] | None:
        try:
            with self._breaker:
                async with asyncio.timeout(self._timeout):
                    return await self._connection.exchange(commands)
        except FAILURES as error:
            _log.warning("redis_unavailable", reason=reason(error))
            self._paused_until = time.monotonic() + self._timeout
            return None
        except Exception:  # noqa: BLE001 - the waiting callers need an answer
            _log.exception("redis_exchange_failed")
            return None

    async def state(self) -> State:
        """Return "up" if Redis accepts a write before the timeout. Ignores earlier failures."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._connection.check()
        except FAILURES:
            return "down"
        return "up"

    async def close(self) -> None:
        """Wait for the batches that are being sent, then close the connections."""
        if self._sending is not None:
            await asyncio.wait({self._sending})
        await self._connection.close()


@cache
def _span_of(operation: str) -> tuple[str, Attributes]:
    # The span has only the command's name: keys contain ids, and arguments contain whole responses.
    attributes = {"db.system.name": "redis", "db.operation.name": operation}
    return operation, {**attributes, **code_attributes(RedisClient.send)}


def _end(stage: ActiveStage, answer: "asyncio.Future[Any]") -> None:
    # The request may have been cancelled meanwhile.
    result = asyncio.CancelledError() if answer.cancelled() else answer.result()
    stage.end(result if isinstance(result, BaseException) else None)
