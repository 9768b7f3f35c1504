"""Reads of a tag bypass Redis while an invalidation of this tag is pending.

A tag names what can change, such as `user:42` or `products`. Reads of other tags still use Redis.
"""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from app.adapters.read_cache.cache import ReadCache
from app.adapters.redis.client import RedisClient
from app.errors import Contended, OutOfStock, PreconditionFailed, Unavailable
from app.settings import Settings
from lab.stack.config.ports import free_port
from lab.stack.config.secrets import signing_key


def _run(url: str, scenario: Callable[[ReadCache, ReadCache], Awaitable[None]]) -> None:
    errors: list[dict[str, Any]] = []

    async def with_cache() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, it: errors.append(it))
        settings = Settings.model_construct(redis_url=SecretStr(url), redis_timeout=5.0)
        link = RedisClient(settings)
        prefix = signing_key()
        caches = [ReadCache(link, key_prefix=prefix, on=True, seconds=60) for _ in range(2)]
        try:
            await scenario(*caches)
        finally:
            for cache in caches:
                await cache.close()
            await link.close()

    asyncio.run(with_cache())
    # If no code has retrieved a task's exception, asyncio reports the exception when the task is
    # deleted. So delete all finished tasks now.
    gc.collect()
    assert errors == []


async def _loaded(_: float = 0) -> bytes:
    return b"1"


async def _outcomes(cache: ReadCache, *tags: str) -> list[str]:
    return [(await cache.get_or_load(tag, "1", _loaded)).outcome for tag in tags]


async def _nothing() -> None:
    pass


async def _changed(cache: ReadCache, *tags: str) -> None:
    await cache.write_and_invalidate(set(tags), _nothing())


async def _begin_invalidation(cache: ReadCache, *tags: str) -> asyncio.Task[None]:
    writing = asyncio.create_task(_changed(cache, *tags))
    # While the invalidation of a tag is pending, `generation` returns a finished future.
    while not cache.generation(tags[0]).done():  # noqa: ASYNC110 - a few turns of the loop
        await asyncio.sleep(0)
    assert not writing.done()
    return writing


async def _cancel_invalidation(cache: ReadCache, *tags: str) -> None:
    writing = await _begin_invalidation(cache, *tags)
    writing.cancel()
    await asyncio.wait({writing})


def test_during_an_invalidation_only_reads_of_its_tag_bypass_redis(redis_url: str) -> None:
    """Reads of another tag still hit, and the generation of the other tag is still known."""

    async def scenario(cache: ReadCache, _: ReadCache) -> None:
        generation = (await cache.get_or_load("b", "1", _loaded)).generation
        await _outcomes(cache, "a")
        writing = await _begin_invalidation(cache, "a")
        generations = [cache.generation(tag) for tag in ("a", "b")]
        outcomes = asyncio.gather(_outcomes(cache, "a"), _outcomes(cache, "b"))
        assert not writing.done()
        assert [await generation_read for generation_read in generations] == [None, generation]
        assert tuple(await outcomes) == (["bypass"], ["hit"])
        await writing
        assert await _outcomes(cache, "a", "a") == ["miss", "hit"]

    _run(redis_url, scenario)


def test_after_a_cancelled_invalidation_reads_of_its_tag_bypass_redis(redis_url: str) -> None:
    """A request is cancelled while it invalidates tag `a`. Reads of tag `b` are still hits."""

    async def scenario(cache: ReadCache, _: ReadCache) -> None:
        generation = (await cache.get_or_load("b", "1", _loaded)).generation
        await _outcomes(cache, "a")
        await _cancel_invalidation(cache, "a")
        generations = [cache.generation(tag) for tag in ("a", "b")]
        assert [await generation_read for generation_read in generations] == [None, generation]
        assert await _outcomes(cache, "a", "b") == ["bypass", "hit"]

    _run(redis_url, scenario)


@pytest.mark.parametrize(
    ("error", "invalidated"),
    [
        (OutOfStock("/items/0/product_id"), False),
        (PreconditionFailed(), True),
        (Unavailable(), True),
        (Contended(), True),
        (ValueError(), True),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Exception) else "",
)
def test_every_error_but_a_refusal_invalidates(
    redis_url: str, error: Exception, *, invalidated: bool
) -> None:
    """A refusal changes nothing. After any other error, the cached read may be stale."""

    async def fails() -> None:
        raise error

    async def scenario(cache: ReadCache, _: ReadCache) -> None:
        before = (await cache.get_or_load("a", "1", _loaded)).generation
        with pytest.raises(type(error)):
            await cache.write_and_invalidate({"a"}, fails())
        assert await _outcomes(cache, "a") == ["miss" if invalidated else "hit"]
        assert (await cache.generation("a") != before) == invalidated

    _run(redis_url, scenario)


def test_a_cancelled_write_has_invalidated_before_it_raises(redis_url: str) -> None:
    """After the cancelled write has raised, another process does not read the stale entry."""

    async def scenario(cache: ReadCache, other: ReadCache) -> None:
        await _outcomes(cache, "a")
        writing = asyncio.create_task(cache.write_and_invalidate({"a"}, asyncio.sleep(60)))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait({writing})
        assert await _outcomes(other, "a") == ["miss"]

    _run(redis_url, scenario)


def test_an_abandoned_write_invalidates_until_it_ends(redis_url: str) -> None:
    """A cancelled write may still commit. Until it ends, its tags are invalidated repeatedly."""
    over = asyncio.Event()

    async def change() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            # After a cancellation, the database driver waits for PostgreSQL like this.
            await over.wait()

    async def scenario(cache: ReadCache, other: ReadCache) -> None:
        writing = asyncio.create_task(cache.write_and_invalidate({"a"}, change()))
        await asyncio.sleep(0.01)
        writing.cancel()
        await asyncio.wait({writing})
        for _ in range(2):
            assert await _outcomes(cache, "a", "a") == ["bypass", "bypass"]
            assert await _outcomes(other, "a") == ["miss"]
            await asyncio.sleep(0.7)
        over.set()
        await _until_all_is_over()
        assert await _outcomes(cache, "a", "a") == ["miss", "hit"]

    _run(redis_url, scenario)


async def _others() -> set[str]:
    # Wait a moment, so that tasks that have finished their work can end.
    await asyncio.sleep(0.01)
    return {str(task.get_coro()) for task in asyncio.all_tasks() - {asyncio.current_task()}}


async def _until_all_is_over() -> None:
    async with asyncio.timeout(5):
        while await _others():
            pass


def test_pending_invalidations_are_retried_without_a_request_until_confirmed(
    redis_url: str,
) -> None:
    """One task retries all pending invalidations, and ends when Redis has confirmed them."""

    async def scenario(cache: ReadCache, _: ReadCache) -> None:
        await _changed(cache, "a")
        await _until_all_is_over()
        await _outcomes(cache, "a")
        many = [f"many:{number}" for number in range(1200)]
        await _cancel_invalidation(cache, "a", *many)
        await _cancel_invalidation(cache, "b")
        # Only the retrying tasks are counted, because tasks of cancelled writes may still run.
        assert (
            len([other for other in await _others() if "PendingInvalidations._retry" in other]) == 1
        )
        await _until_all_is_over()
        assert await _outcomes(cache, "a", "a", "b", many[-1]) == ["miss", "hit", "miss", "miss"]

    _run(redis_url, scenario)


def test_close_tries_once_more_and_leaves_no_task(redis_url: str) -> None:
    """`close` repeats the pending invalidations, and ends the background task without an error."""

    async def scenario(cache: ReadCache, _: ReadCache) -> None:
        await _outcomes(cache, "a")
        await _cancel_invalidation(cache, "a")
        await cache.close()
        assert await _others() == set()
        assert await _outcomes(cache, "a", "a") == ["miss", "hit"]

    async def without_redis(cache: ReadCache, _: ReadCache) -> None:
        await _changed(cache, "a", "b")
        assert len(await _others()) == 1
        await cache.close()
        assert await _others() == set()

    _run(redis_url, scenario)
    _run(f"redis://127.0.0.1:{free_port()}/0", without_redis)
