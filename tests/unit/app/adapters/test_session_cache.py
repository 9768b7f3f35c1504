"""`SessionCache`: it is bounded, its entries expire on time, and `forget` drops them."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from app.adapters.session_cache import SessionCache

LONG = 60.0


class _Source:
    """A source of values that counts its loads."""

    def __init__(self) -> None:
        self.loads = 0

    async def __call__(self) -> str:
        self.loads += 1
        return f"answer {self.loads}"


def _later(seconds: float) -> Callable[[], Awaitable[str]]:
    async def load() -> str:
        await asyncio.sleep(seconds)
        return "late"

    return load


def _cache(*, seconds: float, size: int) -> SessionCache[str]:
    return SessionCache[str](seconds=seconds, size=size, owner=lambda answer: answer)


async def _nothing() -> None:
    return None


def test_a_cached_value_is_not_loaded_again() -> None:
    """Keys may have different types. Each key has its own entry."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        for key in (b"cookie", ("user", "session")):
            answers = {await cache.get_or_load(key, source) for _ in range(5)}
            assert answers == {f"answer {source.loads}"}
        assert source.loads == 2

    asyncio.run(run())


def test_none_is_not_cached() -> None:
    """After a load has returned None, the next call loads again, and may get a value."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        assert await cache.get_or_load(1, _nothing) is None
        assert await cache.get_or_load(1, source) == "answer 1"

    asyncio.run(run())


def test_an_error_is_raised_and_not_cached() -> None:
    """After a failed load, the next call loads again."""

    async def fail() -> str:
        raise ValueError

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        failed = await asyncio.gather(cache.get_or_load(1, fail), return_exceptions=True)
        assert isinstance(failed[0], ValueError)
        assert await cache.get_or_load(1, source) == "answer 1"

    asyncio.run(run())


def test_the_number_of_entries_is_limited() -> None:
    """The least recently used entries are dropped first."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=3), _Source()
        for key in (1, 2, 3, 1, 4):
            await cache.get_or_load(key, source)
        assert source.loads == 4
        await cache.get_or_load(1, source)
        assert source.loads == 4
        await cache.get_or_load(2, source)
        assert source.loads == 5

    asyncio.run(run())


def test_the_time_counts_from_the_beginning_of_the_load() -> None:
    """After a slow load, the entry expires sooner. After a too slow load, it expires at once."""

    async def run() -> None:
        cache, source = _cache(seconds=0.05, size=10), _Source()
        assert await cache.get_or_load("too slow", _later(0.06)) == "late"
        assert await cache.get_or_load("too slow", source) == "answer 1"
        assert await cache.get_or_load("slow", _later(0.03)) == "late"
        await asyncio.sleep(0.03)
        assert await cache.get_or_load("slow", source) == "answer 2"

    asyncio.run(run())


def test_reads_do_not_extend_the_time() -> None:
    """An entry expires on time, however often it is read."""

    async def run() -> None:
        cache = _cache(seconds=0.05, size=10)
        started = time.monotonic()
        await cache.get_or_load(1, _later(0))
        while await cache.get_or_load(1, _nothing) is not None:
            assert time.monotonic() < started + LONG
        assert time.monotonic() >= started + 0.05

    asyncio.run(run())


def test_a_forgotten_value_is_loaded_again() -> None:
    """`forget` drops the value of this owner. The value of another owner stays cached."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        first, second = [await cache.get_or_load(key, source) for key in (1, 2)]
        cache.forget(first)
        assert await cache.get_or_load(2, source) == second
        assert await cache.get_or_load(1, source) == "answer 3"
        assert await cache.get_or_load(1, source) == "answer 3"

    asyncio.run(run())


def test_a_value_whose_load_began_before_forget_is_not_cached() -> None:
    """The caller that began the load gets the value. The next call loads again."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        loading = asyncio.create_task(cache.get_or_load(1, _later(0.02)))
        await asyncio.sleep(0)
        cache.forget("late")
        assert await loading == "late"
        assert await cache.get_or_load(1, source) == "answer 1"
        assert await cache.get_or_load(1, source) == "answer 1"

    asyncio.run(run())
