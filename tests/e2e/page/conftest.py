"""Fixtures: a real browser that opens the lab's page of a running stack."""

from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from lab.stack.processes.waiting import wait_until
from tests import chromium
from tests.e2e.local_stack import LocalStack
from tests.e2e.page.sending import Client, Shop


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A browser for all tests of the page."""
    with chromium.running() as browser:
        yield browser


@pytest.fixture(scope="module")
def context(browser: Browser, started_stack: LocalStack) -> Iterator[BrowserContext]:
    """A browser profile for the tests of one file. A relative URL goes to the stack."""
    with chromium.profile(browser, f"http://localhost:{started_stack.http_port}") as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, stack: LocalStack) -> Iterator[Page]:
    """A browser tab. An unexpected error on the page fails the test.

    The page also lists the requests of earlier tests, because the collector keeps them.
    """
    assert stack.is_running()
    with chromium.tab(context) as page:
        yield page


@pytest.fixture
def client(stack: LocalStack) -> Client:
    """A client that sends requests, which the page then shows."""
    return Client(stack)


@pytest.fixture(scope="module")
def shop(started_stack: LocalStack) -> Iterator[Shop]:
    """A shop that can add a product, so that the next read of the catalogue is a cache miss."""
    with Shop.open(started_stack) as shop:
        yield shop


@pytest.fixture
def empty_collector(stack: LocalStack, client: Client) -> LocalStack:
    """The stack with a new collector, which has no traces."""
    # Wait until the spans of the previous tests have been sent. Otherwise, the new collector would
    # get some of them.
    client.document(client.trace("GET", "/livez"))
    collector = stack.parts.collector
    killed = stack.identities()["collector"]
    stack.kill("collector")

    def is_empty() -> bool:
        # Not through Caddy: Caddy would trace these requests, and could not send their spans. After
        # each failure, Caddy waits longer before it sends spans again.
        if stack.identities().get("collector") in {killed, None} or not collector.ready():
            return False
        return not httpx2.get(f"{collector.url}/lab/api/traces?background=show").json()["items"]

    assert wait_until(is_empty, timeout_s=20)
    return stack
