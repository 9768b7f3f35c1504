"""What Redis has not been told yet: it is not believed about that, and about all else it is."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from pydantic import SecretStr

from app.adapters.redis.client import RedisClient
from app.adapters.redis.read_cache import ReadCache
from app.errors import Contended, OutOfStock, PreconditionFailed, Unavailable
from app.settings import Settings
from lab.stack.ports import free_port
from tests.service import signing_key


def _run(url: str, scenario: Callable[[ReadCache, ReadCache], Awaitable[None]]) -> None:
    complaints: list[dict[str, Any]] = []

    async def with_cache() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, it: complaints.append(it))
        settings = Settings.model_construct(redis_url=SecretStr(url), redis_timeout=5.0)
        link = RedisClient(settings)
        prefix = signing_key()
        caches = [ReadCache(link, key_prefix=prefix, on=True) for _ in range(2)]
        try:
            await scenario(*caches)
        finally:
            for cache in caches:
                await cache.close()
            await link.close()

    asyncio.run(with_cache())
    # An exception that nobody has heard of comes to light with its task's end.
    gc.collect()
    assert complaints == []


async def _loaded() -> bytes:
    return b"1"


async def _outcomes(cache: ReadCache, *tags: str) -> list[str]:
    return [(await cache.get_or_load(tag, "1", _loaded, seconds=60)).outcome for tag in tags]


async def _nothing() -> None:
    pass


async def _changed(cache: ReadCache, *tags: str) -> None:
    await cache.invalidating(set(tags), _nothing())


async def _being_told(cache: ReadCache, *tags: str) -> asyncio.Task[None]:
    writing = asyncio.create_task(_changed(cache, *tags))
    # What need not be asked is known at once.
    while not cache.generation(tags[0]).done():  # noqa: ASYNC110 - a few turns of the loop
        await asyncio.sleep(0)
    assert not writing.done()
    return writing


async def _given_up(cache: ReadCache, *tags: str) -> None:
    writing = await _being_told(cache, *tags)
    writing.cancel()
    await asyncio.wait({writing})


def test_while_one_change_is_being_told_all_else_is_replayed_and_hit(redis_url: str) -> None:
    """Whoever reads what changes goes past Redis; nobody else notices."""

    async def scenario(cache: ReadCache, _: ReadCache) -> None:
        generation = (await cache.get_or_load("b", "1", _loaded, seconds=60)).generation
        await _outcomes(cache, "a")
        writing = await _being_told(cache, "a")
        words = [cache.generation(tag) for tag in ("a", "b")]
        outcomes = asyncio.gather(_outcomes(cache, "a"), _outcomes(cache, "b"))
        assert not writing.done()
        assert [await word for word in words] == [None, generation]
        assert tuple(await outcomes) == (["bypass"], ["hit"])
        await writing
        assert await _outcomes(cache, "a", "a") == ["miss", "hit"]

    _run(redis_url, scenario)


def test_what_redis_may_not_have_heard_of_is_not_asked_about_and_all_else_is(
    redis_url: str,
) -> None:
    """A change is given up while Redis is being told; of other tags Redis still knows all."""

    async def scenario(cache: ReadCache, _: ReadCache) -> None:
        generation = (await cache.get_or_load("b", "1", _loaded, seconds=60)).generation
        await _outcomes(cache, "a")
        await _given_up(cache, "a")
        words = [cache.generation(tag) for tag in ("a", "b")]
        assert [await word for word in words] == [None, generation]
        assert await _outcomes(cache, "a", "b") == ["bypass", "hit"]

    _run(redis_url, scenario)


@pytest.mark.parametrize(
    ("error", "forgotten"),
    [
        (OutOfStock("/items/0/product_id"), False),
        (PreconditionFailed(), True),
        (Unavailable(), True),
        (Contended(), True),
        (ValueError(), True),
    ],
    ids=lambda it: type(it).__name__ if isinstance(it, Exception) else "",
)
def test_only_what_is_refused_is_not_forgotten(
    redis_url: str, error: Exception, *, forgotten: bool
) -> None:
    """Of any other failure nobody knows whether it came of the commit, or after it."""

    async def fails() -> None:
        raise error

    async def scenario(cache: ReadCache, _: ReadCache) -> None:
        before = (await cache.get_or_load("a", "1", _loaded, seconds=60)).generation
        with pytest.raises(type(error)):
            await cache.invalidating({"a"}, fails())
        assert await _outcomes(cache, "a") == ["miss" if forgotten else "hit"]
        assert (await cache.generation("a") != before) == forgotten

    _run(redis_url, scenario)


def test_redis_has_been_told_when_a_change_is_given_up(redis_url: str) -> None:
    """Another process, asked after the failure, does not read what was stored before."""

    async def scenario(cache: ReadCache, other: ReadCache) -> None:
        await _outcomes(cache, "a")
        writing = asyncio.create_task(cache.invalidating({"a"}, asyncio.sleep(60)))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait({writing})
        assert await _outcomes(other, "a") == ["miss"]

    _run(redis_url, scenario)


def test_a_change_that_was_given_up_is_told_until_it_is_over(redis_url: str) -> None:
    """Whenever it takes effect, who has read before it from Redis soon reads what is new."""
    over = asyncio.Event()

    async def change() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            # As the driver waits for Postgres to let go.
            await over.wait()

    async def scenario(cache: ReadCache, other: ReadCache) -> None:
        writing = asyncio.create_task(cache.invalidating({"a"}, change()))
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
    # What only has to end gets the time for it.
    await asyncio.sleep(0.01)
    return {str(task.get_coro()) for task in asyncio.all_tasks() - {asyncio.current_task()}}


async def _until_all_is_over() -> None:
    async with asyncio.timeout(5):
        while await _others():
            pass


def test_a_debt_is_paid_without_any_request_and_nothing_runs_afterwards(redis_url: str) -> None:
    """However many changes are owed, one task pays them, and ends."""

    async def scenario(cache: ReadCache, _: ReadCache) -> None:
        await _changed(cache, "a")
        await _until_all_is_over()
        await _outcomes(cache, "a")
        many = [f"many:{number}" for number in range(1200)]
        await _given_up(cache, "a", *many)
        await _given_up(cache, "b")
        # What was given up may still be on its way to an end of its own.
        assert (
            len([other for other in await _others() if "PendingInvalidations._retry" in other]) == 1
        )
        await _until_all_is_over()
        assert await _outcomes(cache, "a", "a", "b", many[-1]) == ["miss", "hit", "miss", "miss"]

    _run(redis_url, scenario)


def test_a_process_that_ends_pays_what_it_can_and_leaves_nothing_behind(redis_url: str) -> None:
    """Its task is cancelled, and no exception is left that nobody has heard of."""

    async def scenario(cache: ReadCache, _: ReadCache) -> None:
        await _outcomes(cache, "a")
        await _given_up(cache, "a")
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
