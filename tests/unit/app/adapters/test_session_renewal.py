"""One load renews an entry of the session cache before it expires."""

import asyncio

from app.adapters.session_cache import SessionCache
from app.models import Principal
from tests.unit.app.adapters.principals import principal


def test_concurrent_callers_in_the_second_half_of_the_time_start_one_load() -> None:
    """Three calls without an `await` between them also start only one load.

    If the entry expires before the load ends, a caller waits for the same load.
    """

    async def run() -> None:
        may_finish = asyncio.Event()
        loads = 0
        answer = principal(1)

        async def load() -> Principal:
            nonlocal loads
            loads += 1
            await may_finish.wait()
            return answer

        cache = SessionCache(seconds=1, size=10)
        may_finish.set()
        assert await cache.get_or_load(1, load) == answer
        may_finish.clear()
        await asyncio.sleep(0.6)
        assert [cache.get_and_renew(1, load) for _ in range(3)] == [answer] * 3
        await asyncio.sleep(0.5)
        assert cache.get(1) is None
        waiting = asyncio.create_task(cache.get_or_load(1, load))
        await asyncio.sleep(0)
        may_finish.set()
        async with asyncio.timeout(1):
            assert await waiting == answer
        assert loads == 2

    asyncio.run(run())
