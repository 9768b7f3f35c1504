"""Fixtures: a real browser with the lab's page of a real stack."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from lab.stack.waiting import wait_until
from tests import chromium
from tests.e2e.local_stack import LocalStack
from tests.e2e.page.sending import Client, Shop


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of one file."""
    with chromium.running() as browser:
        yield browser


@pytest.fixture(scope="module")
def context(browser: Browser, started_stack: LocalStack) -> Iterator[BrowserContext]:
    """One profile, in which URLs are relative to the stack's origin."""
    with chromium.profile(browser, f"http://localhost:{started_stack.http_port}") as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, stack: LocalStack) -> Iterator[Page]:
    """A tab that fails the test on errors of the page. The collector keeps earlier requests."""
    assert stack.is_running()
    with chromium.tab(context) as page:
        yield page


@pytest.fixture
def client(stack: LocalStack) -> Client:
    """Sends the requests that the page shows."""
    return Client(stack)


@pytest.fixture(scope="module")
def shop(started_stack: LocalStack) -> Iterator[Shop]:
    """Adds products, so that the next read of the catalogue is a cache miss."""
    with Shop.open(started_stack) as shop:
        yield shop


@pytest.fixture
def empty_collector(stack: LocalStack, client: Client) -> LocalStack:
    """The stack with a new collector, which has no traces."""
    # Waits until the spans of the previous tests have been sent, so that the new one gets none.
    client.document(client.trace("GET", "/livez"))
    stack.kill("collector")

    def is_empty() -> bool:
        response = stack.request("GET", "/lab/api/traces")
        return response.status == 200 and not response.json()["items"]

    assert wait_until(is_empty, timeout_s=20)
    return stack
