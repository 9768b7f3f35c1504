"""What Redis has not been told yet: it is not believed about that, and about all else it is."""

import asyncio
from collections.abc import Awaitable, Callable

from pydantic import SecretStr

from app.adapters.read_cache import ReadCache
from app.adapters.redis_link import RedisLink
from app.settings import Settings
from tests.service import signing_key


def _run(url: str, scenario: Callable[[ReadCache], Awaitable[None]]) -> None:
    async def with_cache() -> None:
        settings = Settings.model_construct(redis_url=SecretStr(url), redis_timeout=5.0)
        link = RedisLink(settings)
        await scenario(ReadCache(link, key_prefix=signing_key(), on=True))
        await link.close()

    asyncio.run(with_cache())


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


def test_what_redis_may_not_have_heard_of_is_not_asked_about_and_all_else_is(
    redis_url: str,
) -> None:
    """A change is given up while Redis is being told; of other tags Redis still knows all."""

    async def scenario(cache: ReadCache) -> None:
        generation = (await cache.get_or_load("b", "1", _loaded)).generation
        await _outcomes(cache, "a")
        writing = asyncio.create_task(_changed(cache, "a"))
        await asyncio.sleep(0)
        writing.cancel()
        await asyncio.wait({writing})
        words = [cache.generation(tag) for tag in ("a", "b")]
        assert [await word for word in words] == [None, generation]
        assert await _outcomes(cache, "b") == ["hit"]
        assert await _outcomes(cache, "a", "a") == ["miss", "hit"]

    _run(redis_url, scenario)
