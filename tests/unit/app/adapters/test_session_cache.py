"""`SessionCache`: it is bounded, its entries expire on time, and `forget` drops them."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from app.adapters.session_cache import SessionCache
from app.models import Principal
from tests.unit.app.adapters.principals import principal

LONG = 60.0
_LATE = principal(100)


class _Source:
    """A source of values that counts its loads. Each load returns another user."""

    def __init__(self) -> None:
        self.loads = 0

    async def __call__(self) -> Principal:
        self.loads += 1
        return principal(self.loads)


def _later(seconds: float) -> Callable[[], Awaitable[Principal]]:
    async def load() -> Principal:
        await asyncio.sleep(seconds)
        return _LATE

    return load


def _cache(*, seconds: float, size: int) -> SessionCache:
    return SessionCache(seconds=seconds, size=size)


async def _nothing() -> None:
    return None


def test_a_cached_value_is_not_loaded_again() -> None:
    """Keys may have different types. Each key has its own entry."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        for key in (b"cookie", ("user", "session")):
            answers = {await cache.get_or_load(key, source) for _ in range(5)}
            assert answers == {principal(source.loads)}
        assert source.loads == 2

    asyncio.run(run())


def test_none_is_not_cached() -> None:
    """After a load has returned None, the next call loads again, and may get a value."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        assert await cache.get_or_load(1, _nothing) is None
        assert await cache.get_or_load(1, source) == principal(1)

    asyncio.run(run())


def test_an_error_is_raised_and_not_cached() -> None:
    """After a failed load, the next call loads again."""

    async def fail() -> Principal:
        raise ValueError

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        failed = await asyncio.gather(cache.get_or_load(1, fail), return_exceptions=True)
        assert isinstance(failed[0], ValueError)
        assert await cache.get_or_load(1, source) == principal(1)

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
        assert await cache.get_or_load("too slow", _later(0.06)) == _LATE
        assert await cache.get_or_load("too slow", source) == principal(1)
        assert await cache.get_or_load("slow", _later(0.03)) == _LATE
        await asyncio.sleep(0.03)
        assert await cache.get_or_load("slow", source) == principal(2)

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
    """`forget` drops the value of this user. The value of another user stays cached."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        first, second = [await cache.get_or_load(key, source) for key in (1, 2)]
        assert first is not None
        cache.forget(first.user_id)
        assert await cache.get_or_load(2, source) == second
        assert await cache.get_or_load(1, source) == principal(3)
        assert await cache.get_or_load(1, source) == principal(3)

    asyncio.run(run())


def test_a_value_whose_load_began_before_forget_is_not_cached() -> None:
    """The caller that began the load gets the value. The next call loads again."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        loading = asyncio.create_task(cache.get_or_load(1, _later(0.02)))
        await asyncio.sleep(0)
        cache.forget(_LATE.user_id)
        assert await loading == _LATE
        assert await cache.get_or_load(1, source) == principal(1)
        assert await cache.get_or_load(1, source) == principal(1)

    asyncio.run(run())
