"""The lab's page on a whole stack: what is drawn is what the request went through."""

import secrets
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests import chromium
from tests.e2e.local_stack import LocalStack
from tests.page.reading import expect, go, requests, sign_up, stage, stages


@pytest.fixture
def page(stack: LocalStack) -> Iterator[Page]:
    """A tab in a real browser, in which nothing may go wrong unseen."""
    if stack.request("GET", "/lab").status == 404:
        pytest.skip("The stack has no collector yet, which serves /lab.")
    with (
        chromium.running() as browser,
        chromium.profile(browser, f"http://localhost:{stack.http_port}") as context,
        chromium.tab(context) as page,
    ):
        yield page


def test_a_person_sees_what_a_signup_went_through(page: Page) -> None:
    """Sign up, open the newest request, look at its statement, compare it with another."""
    go(page)
    sign_up(page, f"{secrets.token_hex(8)}@example.com")
    expect(page.get_by_text("Welcome, Ahmed!")).to_be_visible()
    page.get_by_role("button", name="See every stage of it").click()
    expect(page.get_by_role("heading", name="POST /api/users")).to_be_visible()
    # The servers' spans come within a second, and are added to what is drawn.
    expect(stages(page).nth(13)).to_be_visible()
    for word in ("wait", "load-balancer", "app", "hash", "sql", "commit"):
        expect(stage(page, word).first).to_be_visible()
    _look_at_the_statement(page)
    _compare_two(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def _look_at_the_statement(page: Page) -> None:
    stage(page, "sql").filter(has_text="INSERT").first.click()
    panel = page.get_by_role("complementary")
    expect(panel.locator("pre").first).to_contain_text("INSERT INTO users")
    panel.get_by_role("button", name="Show its plan").click()
    expect(panel.get_by_role("region", name="Plan of the statement")).to_contain_text("Insert on")
    expect(panel.locator("mark")).to_be_visible()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()


def _compare_two(page: Page) -> None:
    before = requests(page).count()
    again = page.get_by_role("button", name="Send GET /api/products")
    for number in (1, 2):
        again.click()
        expect(requests(page)).to_have_count(before + number)
    for row in (requests(page).nth(1), requests(page).nth(0)):
        row.get_by_role("button", name="Compare").click()
    expect(page.get_by_role("heading", name="Two requests, side by side")).to_be_visible()
    expect(page.get_by_text("than A (")).to_be_visible()
    expect(stage(page, "load-balancer")).to_be_visible()
