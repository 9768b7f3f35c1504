"""Responses that a process stores, and the Redis commands that confirm that they are current."""

import asyncio
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from app.adapters.read_cache.cache import ReadCache
from app.adapters.redis.client import RedisClient
from app.adapters.redis.errors import RedisUnavailable
from app.adapters.tokens import Claims
from app.http.request_state import RequestState, begin_state
from app.middleware.response_cache import StoredResponses
from app.models import Principal
from app.models.cached_reads import CachedBody
from app.settings import Settings
from app.tracing import Recording, record
from lab.stack.config.secrets import signing_key

_HEADERS = [(b"cache-control", b"public, no-cache"), (b"etag", b'"one"')]


def _client(redis_url: str) -> RedisClient:
    settings = Settings.model_construct(redis_url=SecretStr(redis_url), redis_timeout=5.0)
    return RedisClient(settings)


def _not_signed_in(_: Claims | None, __: str | None) -> Principal | None:
    return None


async def _load(_: float) -> bytes:
    return b"1"


def _scope(cached: CachedBody | None = None) -> dict[str, Any]:
    scope = {"method": "GET", "path": "/", "query_string": b""}
    begin_state(scope, RequestState("an-id", {}, cached=cached, is_public=True))
    return scope


def test_a_response_is_not_replayed_for_longer_than_a_minute(redis_url: str) -> None:
    """A stored response expires, because a writing process can die before its invalidation."""

    async def scenario() -> list[bool]:
        now, redis = [0.0], _client(redis_url)
        cache = ReadCache(redis, key_prefix=signing_key(), on=True, seconds=60)
        responses = StoredResponses(cache, _not_signed_in, timer=lambda: now[0])
        cached = await cache.get_or_load("products", "1", _load)
        responses.store(_scope(cached=cached), _HEADERS, cached.body)
        replayed = []
        for now[0] in (0.0, 59.0, 61.0):
            scope = _scope()
            responses.start_lookup(scope)
            replayed.append(await responses.find(scope) is not None)
        await redis.close()
        return replayed

    assert asyncio.run(scenario()) == [True, True, False]


def test_two_spellings_of_a_url_share_no_response(redis_url: str) -> None:
    """Paths and queries are compared without decoding them, and HEAD gets no stored response."""

    async def scenario() -> list[bool]:
        redis = _client(redis_url)
        cache = ReadCache(redis, key_prefix=signing_key(), on=True, seconds=60)
        responses = StoredResponses(cache, _not_signed_in)
        url = {"path": "/api/products/1", "raw_path": b"/api/products/1", "query_string": b"a=1"}
        cached = await cache.get_or_load("products", "1", _load)
        responses.store({**_scope(cached=cached), **url}, _HEADERS, cached.body)
        changes: list[dict[str, Any]] = [
            {},
            {"raw_path": b"/api/products%2F1"},
            {"raw_path": b"/api/products/%31"},
            {"query_string": b"a=%31"},
            {"query_string": b"a=1&a=1"},
            {"query_string": b""},
            {"method": "HEAD"},
        ]
        replayed = []
        for change in changes:
            scope = {**_scope(), **url, **change}
            responses.start_lookup(scope)
            replayed.append(await responses.find(scope) is not None)
        await redis.close()
        return replayed

    assert asyncio.run(scenario()) == [True] + [False] * 6  # check 44


def test_the_stage_of_a_cancelled_lookup_has_no_outcome(redis_url: str) -> None:
    """The outcome of a cancelled lookup is unknown. It is not `bypass`, because Redis works."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    recording = Recording(spans=False)
    recording.tracer = provider.get_tracer("test")

    async def scenario() -> None:
        redis = _client(redis_url)
        cache = ReadCache(redis, key_prefix=signing_key(), on=True, seconds=60)
        responses, scope = StoredResponses(cache, _not_signed_in), _scope()
        cached = await cache.get_or_load("products", "1", _load)
        responses.store(_scope(cached=cached), _HEADERS, cached.body)
        record(recording)
        responses.start_lookup(scope)
        lookup = asyncio.create_task(responses.find(scope))
        await asyncio.sleep(0)
        lookup.cancel()
        await asyncio.wait({lookup})
        assert lookup.cancelled()
        await redis.close()

    asyncio.run(scenario())
    (stage,) = [span for span in exporter.get_finished_spans() if span.name == "cache"]
    attributes = stage.attributes or {}
    assert attributes["error.type"] == "CancelledError"
    assert "roundtrip.cache" not in attributes


def test_a_thousand_concurrent_commands_get_their_own_answers(redis_url: str) -> None:
    """Refused commands and cancelled commands do not affect the answers to other commands."""

    async def scenario() -> None:
        redis = _client(redis_url)

        async def command(number: int) -> None:
            if number % 10 == 3:
                assert isinstance(await redis.send("INCR", b"1", b"2"), RedisUnavailable)
            elif number % 10 == 7:
                redis.send("ECHO", "cancelled").cancel()
            else:
                assert await redis.send("ECHO", number) == str(number).encode()

        for _ in range(3):
            await asyncio.gather(*map(command, range(1000)))
        await redis.close()

    asyncio.run(scenario())
