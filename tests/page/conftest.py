"""A real browser on the page, beside a stand-in for the collector."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests import chromium
from tests.page.stand_in import StandIn, stand_in


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file."""
    with chromium.running() as browser:
        yield browser


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    """One server for all of them, so that the browser may keep the page's files."""
    with stand_in() as server:
        yield server


@pytest.fixture
def collector(server: StandIn) -> StandIn:
    """A collector that has seen nothing yet."""
    server.forget()
    return server


@pytest.fixture(scope="module")
def base_url(server: StandIn) -> str:
    """Where the page is."""
    return server.url


@pytest.fixture(scope="module")
def context(browser: Browser, base_url: str) -> Iterator[BrowserContext]:
    """One profile."""
    with chromium.profile(browser, base_url) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, collector: StandIn) -> Iterator[Page]:
    """A tab of its own, on a collector that has seen nothing but what the test tells it."""
    assert not collector.traces
    with chromium.tab(context) as page:
        yield page
