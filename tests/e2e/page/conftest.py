"""A real browser on the page of a real stack."""

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
    """One profile, in which addresses are relative to the stack's."""
    with chromium.profile(browser, f"http://localhost:{started_stack.http_port}") as context:
        yield context


@pytest.fixture
def page(context: BrowserContext, stack: LocalStack) -> Iterator[Page]:
    """A tab in which nothing may go wrong unseen. The collector knows what was sent before."""
    assert stack.runs()
    with chromium.tab(context) as page:
        yield page


@pytest.fixture
def client(stack: LocalStack) -> Client:
    """Sends what the page is to show."""
    return Client(stack)


@pytest.fixture(scope="module")
def shop(started_stack: LocalStack) -> Iterator[Shop]:
    """Somebody who can add products, after which the next look at the catalogue is a miss."""
    with Shop.open(started_stack) as shop:
        yield shop


@pytest.fixture
def forgetful(stack: LocalStack, client: Client) -> LocalStack:
    """The stack with a new collector, which has seen nothing."""
    # What the tests before have done is told by then, and not to the new one.
    client.document(client.trace("GET", "/livez"))
    stack.kill("collector")

    def knows_nothing() -> bool:
        answer = stack.request("GET", "/lab/api/traces")
        return answer.status == 200 and not answer.json()["items"]

    assert wait_until(knows_nothing, timeout_s=20)
    return stack
