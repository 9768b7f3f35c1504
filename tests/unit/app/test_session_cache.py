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


async def _nothing() -> None:
    return None


def test_what_is_known_is_not_asked_for_again() -> None:
    """Each key for itself, of whatever kind it is."""

    async def run() -> None:
        cache, source = SessionCache[str](seconds=LONG, size=10), _Source()
        for key in (b"cookie", ("user", "session")):
            answers = {await cache.get_or_load(key, source) for _ in range(5)}
            assert answers == {f"answer {source.asked}"}
        assert source.asked == 2

    asyncio.run(run())


def test_that_there_is_nothing_is_not_kept() -> None:
    """The next one asks again, and may find something."""

    async def run() -> None:
        cache, source = SessionCache[str](seconds=LONG, size=10), _Source()
        assert await cache.get_or_load(1, _nothing) is None
        assert await cache.get_or_load(1, source) == "answer 1"

    asyncio.run(run())


def test_a_failure_is_passed_on_and_not_kept() -> None:
    """As if nobody had asked."""

    async def fail() -> str:
        raise ValueError

    async def run() -> None:
        cache, source = SessionCache[str](seconds=LONG, size=10), _Source()
        failed = await asyncio.gather(cache.get_or_load(1, fail), return_exceptions=True)
        assert isinstance(failed[0], ValueError)
        assert await cache.get_or_load(1, source) == "answer 1"

    asyncio.run(run())


def test_it_keeps_no_more_than_its_size() -> None:
    """Those that nobody has asked for lately go first."""

    async def run() -> None:
        cache, source = SessionCache[str](seconds=LONG, size=3), _Source()
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
        cache, source = SessionCache[str](seconds=0.05, size=10), _Source()
        assert await cache.get_or_load("too slow", _later(0.06)) == "late"
        assert await cache.get_or_load("too slow", source) == "answer 1"
        assert await cache.get_or_load("slow", _later(0.03)) == "late"
        await asyncio.sleep(0.03)
        assert await cache.get_or_load("slow", source) == "answer 2"

    asyncio.run(run())


def test_asking_does_not_prolong() -> None:
    """However often it is asked for meanwhile, an entry ends when it ends."""

    async def run() -> None:
        cache = SessionCache[str](seconds=0.05, size=10)
        started = time.monotonic()
        await cache.get_or_load(1, _later(0))
        while await cache.get_or_load(1, _nothing) is not None:
            assert time.monotonic() < started + LONG
        assert time.monotonic() >= started + 0.05

    asyncio.run(run())


def test_what_is_forgotten_is_asked_for_again() -> None:
    """All entries that are concerned, and no others."""

    async def run() -> None:
        cache, source = SessionCache[str](seconds=LONG, size=10), _Source()
        first, second, third = [await cache.get_or_load(key, source) for key in (1, 2, 3)]
        cache.forget(lambda known: known != second)
        assert await cache.get_or_load(2, source) == second
        for key, before in ((1, first), (3, third)):
            assert await cache.get_or_load(key, source) != before

    asyncio.run(run())


def test_an_answer_from_before_a_forgetting_is_not_kept() -> None:
    """It is given to who asked for it, since that was before; the next one asks again."""

    async def run() -> None:
        cache, source = SessionCache[str](seconds=LONG, size=10), _Source()
        asking = asyncio.create_task(cache.get_or_load(1, _later(0.02)))
        await asyncio.sleep(0)
        cache.forget(lambda _: False)
        assert await asking == "late"
        assert await cache.get_or_load(1, source) == "answer 1"
        assert await cache.get_or_load(1, source) == "answer 1"

    asyncio.run(run())


def test_what_runs_out_while_it_is_being_forgotten_is_forgotten() -> None:
    """With many entries, choosing those that are concerned takes its time."""

    def slowly(_: str) -> bool:
        time.sleep(0.03)
        return True

    async def run() -> None:
        cache, source = SessionCache[str](seconds=0.05, size=10), _Source()
        for key in range(3):
            await cache.get_or_load(key, source)
        cache.forget(slowly)
        assert [await cache.get_or_load(key, source) for key in range(3)] == [
            "answer 4",
            "answer 5",
            "answer 6",
        ]

    asyncio.run(run())
