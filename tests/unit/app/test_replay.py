"""Remembered answers, and the word that Redis has to give for them."""

import asyncio
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from app.adapters.redis.client import RedisClient, RedisUnavailable
from app.adapters.redis.read_cache import ReadCache
from app.adapters.tokens import Claims
from app.http.request_state import RequestState, begin_state
from app.middleware.replay import Replays
from app.models import Principal
from app.schemas.bodies import CachedBody
from app.settings import Settings
from app.tracing import Recording, record
from tests.service import signing_key

_HEADERS = [(b"cache-control", b"public, no-cache"), (b"etag", b'"one"')]


def _link(redis_url: str) -> RedisClient:
    settings = Settings.model_construct(redis_url=SecretStr(redis_url), redis_timeout=5.0)
    return RedisClient(settings)


def _nobody(_: Claims | None, __: str | None) -> Principal | None:
    return None


async def _one() -> bytes:
    return b"1"


def _scope(cached: CachedBody | None = None) -> dict[str, Any]:
    scope = {"method": "GET", "path": "/", "query_string": b""}
    begin_state(scope, RequestState("an-id", {}, cached=cached, is_public=True))
    return scope


def test_an_answer_is_not_replayed_for_longer_than_a_minute(redis_url: str) -> None:
    """A process may have ended between its commit and its word to Redis."""

    async def scenario() -> list[bool]:
        now, link = [0.0], _link(redis_url)
        cache = ReadCache(link, key_prefix=signing_key(), on=True)
        replays = Replays(cache, _nobody, timer=lambda: now[0])
        found = CachedBody(*await cache.get_or_load("products", "1", _one, seconds=60))
        replays.remember(_scope(cached=found), _HEADERS, found.body)
        replayed = []
        for now[0] in (0.0, 59.0, 61.0):
            scope = _scope()
            replays.look_up(scope)
            replayed.append(await replays.find(scope) is not None)
        await link.close()
        return replayed

    assert asyncio.run(scenario()) == [True, True, False]


def test_two_spellings_of_a_url_share_no_answer(redis_url: str) -> None:
    """An encoded slash is no separator, and a query is what was sent; HEAD asks the route."""

    async def scenario() -> list[bool]:
        link = _link(redis_url)
        cache = ReadCache(link, key_prefix=signing_key(), on=True)
        replays = Replays(cache, _nobody)
        sent = {"path": "/api/products/1", "raw_path": b"/api/products/1", "query_string": b"a=1"}
        found = CachedBody(*await cache.get_or_load("products", "1", _one, seconds=60))
        replays.remember({**_scope(cached=found), **sent}, _HEADERS, found.body)
        others: list[dict[str, Any]] = [
            {},
            {"raw_path": b"/api/products%2F1"},
            {"raw_path": b"/api/products/%31"},
            {"query_string": b"a=%31"},
            {"query_string": b"a=1&a=1"},
            {"query_string": b""},
            {"method": "HEAD"},
        ]
        replayed = []
        for other in others:
            scope = {**_scope(), **sent, **other}
            replays.look_up(scope)
            replayed.append(await replays.find(scope) is not None)
        await link.close()
        return replayed

    assert asyncio.run(scenario()) == [True] + [False] * 6  # check 44


def test_the_stage_of_a_question_that_was_given_up_has_no_outcome(redis_url: str) -> None:
    """Nobody knows what Redis would have said, and it is not away: that would be a `bypass`."""
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    recording = Recording(spans=False)
    recording.tracer = provider.get_tracer("test")

    async def scenario() -> None:
        link = _link(redis_url)
        cache = ReadCache(link, key_prefix=signing_key(), on=True)
        replays, scope = Replays(cache, _nobody), _scope()
        found = CachedBody(*await cache.get_or_load("products", "1", _one, seconds=60))
        replays.remember(_scope(cached=found), _HEADERS, found.body)
        record(recording)
        replays.look_up(scope)
        finding = asyncio.create_task(replays.find(scope))
        await asyncio.sleep(0)
        finding.cancel()
        await asyncio.wait({finding})
        assert finding.cancelled()
        await link.close()

    asyncio.run(scenario())
    (stage,) = [span for span in exporter.get_finished_spans() if span.name == "cache"]
    attributes = _attributes(stage)
    assert attributes["error.type"] == "CancelledError"
    assert "roundtrip.cache" not in attributes


def _attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_a_thousand_answers_find_their_questions(redis_url: str) -> None:
    """Those that Redis refuses in between, and those that nobody waits for, harm no others."""

    async def scenario() -> None:
        link = _link(redis_url)

        async def ask(number: int) -> None:
            if number % 10 == 3:
                assert isinstance(await link.send("INCR", b"1", b"2"), RedisUnavailable)
            elif number % 10 == 7:
                link.send("ECHO", "given up").cancel()
            else:
                assert await link.send("ECHO", number) == str(number).encode()

        for _ in range(3):
            await asyncio.gather(*map(ask, range(1000)))
        await link.close()

    asyncio.run(scenario())
