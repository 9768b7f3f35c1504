"""What Redis has not been told yet: it is not believed about that, and about all else it is."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import SecretStr

from app.adapters.read_cache import ReadCache
from app.adapters.redis_link import RedisLink
from app.settings import Settings
from tests.service import free_port, signing_key


def _run(url: str, scenario: Callable[[ReadCache], Awaitable[None]]) -> None:
    complaints: list[dict[str, Any]] = []

    async def with_cache() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, it: complaints.append(it))
        settings = Settings.model_construct(redis_url=SecretStr(url), redis_timeout=5.0)
        link = RedisLink(settings)
        cache = ReadCache(link, key_prefix=signing_key(), on=True)
        await scenario(cache)
        await cache.close()
        await link.close()

    asyncio.run(with_cache())
    # An exception that nobody has heard of comes to light with its task's end.
    gc.collect()
    assert complaints == []


async def _loaded() -> bytes:
    return b"1"


async def _outcomes(cache: ReadCache, *tags: str) -> list[str]:
    return [(await cache.get_or_load(tag, "1", _loaded)).outcome for tag in tags]


async def _changed(cache: ReadCache, *tags: str) -> None:
    async with cache.forgetting(*tags):
        pass


def test_while_one_change_is_being_told_all_else_is_replayed_and_hit(redis_url: str) -> None:
    """Whoever reads what changes goes past Redis; nobody else notices."""

    async def scenario(cache: ReadCache) -> None:
        generation = (await cache.get_or_load("b", "1", _loaded)).generation
        await _outcomes(cache, "a")
        writing = asyncio.create_task(_changed(cache, "a"))
        await asyncio.sleep(0)
        words = [cache.generation(tag) for tag in ("a", "b")]
        outcomes = asyncio.gather(_outcomes(cache, "a"), _outcomes(cache, "b"))
        assert not writing.done()
        assert [await word for word in words] == [None, generation]
        assert tuple(await outcomes) == (["bypass"], ["hit"])
        await writing
        assert await _outcomes(cache, "a", "a") == ["miss", "hit"]

    _run(redis_url, scenario)


async def _given_up(cache: ReadCache, *tags: str) -> None:
    writing = asyncio.create_task(_changed(cache, *tags))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait({writing})


def test_what_redis_may_not_have_heard_of_is_not_asked_about_and_all_else_is(
    redis_url: str,
) -> None:
    """A change is given up while Redis is being told; of other tags Redis still knows all."""

    async def scenario(cache: ReadCache) -> None:
        generation = (await cache.get_or_load("b", "1", _loaded)).generation
        await _outcomes(cache, "a")
        await _given_up(cache, "a")
        words = [cache.generation(tag) for tag in ("a", "b")]
        assert [await word for word in words] == [None, generation]
        assert await _outcomes(cache, "a", "b") == ["bypass", "hit"]

    _run(redis_url, scenario)


async def _others() -> set[str]:
    # What only has to end gets the time for it.
    await asyncio.sleep(0.01)
    return {str(task.get_coro()) for task in asyncio.all_tasks() - {asyncio.current_task()}}


def test_a_debt_is_paid_without_any_request_and_nothing_runs_afterwards(redis_url: str) -> None:
    """However many changes are owed, one task pays them, and ends."""

    async def scenario(cache: ReadCache) -> None:
        await _changed(cache, "a")
        assert await _others() == set()
        await _outcomes(cache, "a")
        many = [f"many:{number}" for number in range(1200)]
        await _given_up(cache, "a", *many)
        await _given_up(cache, "b")
        assert len(await _others()) == 1
        async with asyncio.timeout(5):
            while await _others():
                pass
        assert await _outcomes(cache, "a", "a", "b", many[-1]) == ["miss", "hit", "miss", "miss"]

    _run(redis_url, scenario)


def test_a_process_that_ends_pays_what_it_can_and_leaves_nothing_behind(redis_url: str) -> None:
    """Its task is cancelled, and no exception is left that nobody has heard of."""

    async def scenario(cache: ReadCache) -> None:
        await _outcomes(cache, "a")
        await _given_up(cache, "a")
        await cache.close()
        assert await _others() == set()
        assert await _outcomes(cache, "a", "a") == ["miss", "hit"]

    async def without_redis(cache: ReadCache) -> None:
        await _changed(cache, "a", "b")
        assert len(await _others()) == 1
        await cache.close()
        assert await _others() == set()

    _run(redis_url, scenario)
    _run(f"redis://127.0.0.1:{free_port()}/0", without_redis)
