"""A bounded memory that is never older than it says, and forgets when told to."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from app.adapters.session_cache import SessionCache

LONG = 60.0


class _Source:
    """What is true, and how often somebody asked for it."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        return f"answer {self.asked}"


def _later(seconds: float) -> Callable[[], Awaitable[str]]:
    async def load() -> str:
        await asyncio.sleep(seconds)
        return "late"

    return load


def _cache(*, seconds: float, size: int) -> SessionCache[str]:
    return SessionCache[str](seconds=seconds, size=size, owner=lambda answer: answer)


async def _nothing() -> None:
    return None


def test_what_is_known_is_not_asked_for_again() -> None:
    """Each key for itself, of whatever kind it is."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        for key in (b"cookie", ("user", "session")):
            answers = {await cache.get_or_load(key, source) for _ in range(5)}
            assert answers == {f"answer {source.asked}"}
        assert source.asked == 2

    asyncio.run(run())


def test_that_there_is_nothing_is_not_kept() -> None:
    """The next one asks again, and may find something."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        assert await cache.get_or_load(1, _nothing) is None
        assert await cache.get_or_load(1, source) == "answer 1"

    asyncio.run(run())


def test_a_failure_is_passed_on_and_not_kept() -> None:
    """As if nobody had asked."""

    async def fail() -> str:
        raise ValueError

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        failed = await asyncio.gather(cache.get_or_load(1, fail), return_exceptions=True)
        assert isinstance(failed[0], ValueError)
        assert await cache.get_or_load(1, source) == "answer 1"

    asyncio.run(run())


def test_it_keeps_no_more_than_its_size() -> None:
    """Those that nobody has asked for lately go first."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=3), _Source()
        for key in (1, 2, 3, 1, 4):
            await cache.get_or_load(key, source)
        assert source.asked == 4
        await cache.get_or_load(1, source)
        assert source.asked == 4
        await cache.get_or_load(2, source)
        assert source.asked == 5

    asyncio.run(run())


def test_the_time_counts_from_before_the_question() -> None:
    """A slow answer is old already; one that is too old is not kept at all."""

    async def run() -> None:
        cache, source = _cache(seconds=0.05, size=10), _Source()
        assert await cache.get_or_load("too slow", _later(0.06)) == "late"
        assert await cache.get_or_load("too slow", source) == "answer 1"
        assert await cache.get_or_load("slow", _later(0.03)) == "late"
        await asyncio.sleep(0.03)
        assert await cache.get_or_load("slow", source) == "answer 2"

    asyncio.run(run())


def test_asking_does_not_prolong() -> None:
    """However often it is asked for meanwhile, an entry ends when it ends."""

    async def run() -> None:
        cache = _cache(seconds=0.05, size=10)
        started = time.monotonic()
        await cache.get_or_load(1, _later(0))
        while await cache.get_or_load(1, _nothing) is not None:
            assert time.monotonic() < started + LONG
        assert time.monotonic() >= started + 0.05

    asyncio.run(run())


def test_what_is_forgotten_is_asked_for_again() -> None:
    """All that belongs to its owner, and nothing else."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        first, second = [await cache.get_or_load(key, source) for key in (1, 2)]
        cache.forget(first)
        assert await cache.get_or_load(2, source) == second
        assert await cache.get_or_load(1, source) == "answer 3"
        assert await cache.get_or_load(1, source) == "answer 3"

    asyncio.run(run())


def test_an_answer_from_before_a_forgetting_is_not_kept() -> None:
    """It is given to who asked for it, since that was before; the next one asks again."""

    async def run() -> None:
        cache, source = _cache(seconds=LONG, size=10), _Source()
        asking = asyncio.create_task(cache.get_or_load(1, _later(0.02)))
        await asyncio.sleep(0)
        cache.forget("late")
        assert await asking == "late"
        assert await cache.get_or_load(1, source) == "answer 1"
        assert await cache.get_or_load(1, source) == "answer 1"

    asyncio.run(run())
