"""What is about to end is asked for anew before it does, and once."""

import asyncio

from app.adapters.session_cache import SessionCache


def test_of_many_who_come_in_the_second_half_one_asks_and_nobody_is_forgotten() -> None:
    """Even in the same turn of the loop; whoever comes later waits for that answer."""

    async def run() -> None:
        answering = asyncio.Event()
        asked = 0

        async def ask() -> str:
            nonlocal asked
            asked += 1
            await answering.wait()
            return "answer"

        cache = SessionCache[str](seconds=1, size=10, owner=lambda answer: answer)
        answering.set()
        assert await cache.get_or_load(1, ask) == "answer"
        answering.clear()
        await asyncio.sleep(0.6)
        assert [cache.peek(1, ask) for _ in range(3)] == ["answer"] * 3
        await asyncio.sleep(0.5)
        assert cache.get(1) is None
        asking = asyncio.create_task(cache.get_or_load(1, ask))
        await asyncio.sleep(0)
        answering.set()
        async with asyncio.timeout(1):
            assert await asking == "answer"
        assert asked == 2

    asyncio.run(run())
