"""A cached document of another server: when it is fetched, and how long it is used."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from app.adapters.oidc.cached_document import CachedDocument
from app.errors import ProviderUnavailable

MINUTE, HOUR, DAY = 60, 3600, 86400


class Source:
    """Another server and a clock, both controlled by the test."""

    def __init__(self) -> None:
        self.now = 0.0
        self.fetched = 0
        self.is_down = False
        self.seconds_per_fetch = 0.0
        self.document = CachedDocument(self._fetch, lambda: self.now)

    async def _fetch(self) -> int:
        self.fetched += 1
        await asyncio.sleep(0)
        self.now += self.seconds_per_fetch
        if self.is_down:
            raise ProviderUnavailable
        return self.fetched


def _with(test: Callable[[Source], Awaitable[None]]) -> Source:
    source = Source()

    async def run() -> None:
        await test(source)
        # Wait until a fetch in the background has ended.
        await asyncio.sleep(0.01)

    asyncio.run(run())
    return source


def test_concurrent_callers_share_one_fetch() -> None:
    """Callers within the next hour cause no fetch."""

    async def test(source: Source) -> None:
        answers = await asyncio.gather(*(source.document.get() for _ in range(50)))
        assert answers == [1] * 50
        source.now = HOUR - 1
        assert await source.document.get() == 1

    assert _with(test).fetched == 1  # check F22


def test_the_cancellation_of_one_caller_does_not_cancel_the_fetch() -> None:
    """The other callers get the document."""

    async def test(source: Source) -> None:
        first, second = (asyncio.create_task(source.document.get()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == 1

    assert _with(test).fetched == 1


def test_an_old_document_is_renewed_while_it_is_used() -> None:
    """Callers get the old document until the new document has been fetched."""

    async def test(source: Source) -> None:
        await source.document.get()
        source.now = HOUR + 1
        assert [await source.document.get() for _ in range(3)] == [1, 1, 1]
        await asyncio.sleep(0.01)
        assert await source.document.get() == 2

    assert _with(test).fetched == 2


def test_a_document_that_cannot_be_renewed_is_used_for_a_day() -> None:
    """While a provider is down, it gets at most one request in five seconds."""

    async def test(source: Source) -> None:
        await source.document.get()
        source.is_down = True
        source.now = DAY - 60
        for _ in range(50):
            assert await source.document.get() == 1  # check F22
            await asyncio.sleep(0)
        assert source.fetched == 2  # check F22
        source.now = DAY + 1
        with pytest.raises(ProviderUnavailable):
            await source.document.get()

    _with(test)


def test_after_a_failure_all_calls_fail_at_once() -> None:
    """For five seconds, calls fail without a fetch. After that, the next call fetches again."""

    async def test(source: Source) -> None:
        source.is_down = True
        for _ in range(50):
            with pytest.raises(ProviderUnavailable):
                await source.document.get()
        assert source.fetched == 1  # check F22
        source.is_down, source.now = False, 5.1
        assert await source.document.get() == 2

    _with(test)


def test_the_pause_begins_when_the_fetch_has_failed() -> None:
    """Even after a fetch that took five seconds to fail, the pause lasts for five seconds."""

    async def test(source: Source) -> None:
        source.is_down, source.seconds_per_fetch = True, 5.0
        for _ in range(2):
            with pytest.raises(ProviderUnavailable):
                await source.document.get()

    assert _with(test).fetched == 1


def test_a_newer_document_is_fetched_at_most_once_a_minute() -> None:
    """Any number of tokens can name unknown keys, and each such token asks for a newer document."""

    async def test(source: Source) -> None:
        await source.document.get()
        assert [await source.document.get_newer() for _ in range(50)] == [1] * 50
        source.now = MINUTE + 1
        assert [await source.document.get_newer() for _ in range(50)] == [2] * 50  # check F22
        source.is_down, source.now = True, 2 * MINUTE + 2
        for _ in range(50):
            with pytest.raises(ProviderUnavailable):
                await source.document.get_newer()
        assert await source.document.get() == 2  # check F22

    assert _with(test).fetched == 3
