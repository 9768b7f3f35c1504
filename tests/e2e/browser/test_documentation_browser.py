"""The API documentation and the pages of problems, in a real browser against the real service."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests import chromium
from tests.chromium import violations, width
from tests.service import Service

# Swagger UI is a large script, which may need longer than Playwright's default timeout.
expect.set_options(timeout=chromium.TIMEOUT_MS)

PHONE_WIDTH_PIXELS = 390
DOCS = "/docs"
OPERATION = "/docs#/auth/refresh"
PROBLEMS = "/problems"
PROBLEM = "/problems/invalid-content"


@pytest.fixture
def page(browser: Browser, service: Service) -> Iterator[Page]:
    """A browser tab. An unexpected error on the page fails the test."""
    with chromium.profile(browser, service.url) as context, chromium.tab(context) as page:
        yield page


@pytest.mark.parametrize(
    "path",
    [
        PROBLEM,
        # Each of these pages needs seconds of processor time.
        pytest.param(PROBLEMS, marks=pytest.mark.slow),
        pytest.param(DOCS, marks=pytest.mark.slow),
        pytest.param(OPERATION, marks=pytest.mark.slow),
    ],
)
def test_axe_finds_no_violation(page: Page, path: str) -> None:
    """The page passes axe's checks in both colour schemes, with every `details` element open."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        show(page, path)
        page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true })")
        assert not violations(page)


@pytest.mark.parametrize("path", [PROBLEMS, PROBLEM, pytest.param(DOCS, marks=pytest.mark.slow)])
def test_a_phone_needs_no_horizontal_scrolling(page: Page, path: str) -> None:
    """The page is as wide as the screen."""
    page.set_viewport_size({"width": PHONE_WIDTH_PIXELS, "height": 844})
    show(page, path)
    page.evaluate("document.querySelectorAll('details').forEach(it => { it.open = true })")
    assert width(page) == PHONE_WIDTH_PIXELS


@pytest.mark.slow
def test_the_documentation_follows_the_color_scheme(page: Page) -> None:
    """Swagger UI's theme changes as soon as the colour scheme of the browser changes."""
    show(page, DOCS)
    root = page.locator("html")
    light = root.evaluate("it => getComputedStyle(it).backgroundColor")
    page.emulate_media(color_scheme="dark")
    expect(root).not_to_have_css("background-color", light)
    page.emulate_media(color_scheme="light")
    expect(root).to_have_css("background-color", light)


@pytest.mark.slow
def test_the_documentation_begins_with_the_operations(page: Page) -> None:
    """The first screen of a desktop shows several operations. A link leads to each."""
    page.set_viewport_size({"width": 1440, "height": 900})
    show(page, DOCS)
    expect(page.locator(".opblock").nth(4)).to_be_in_viewport()
    show(page, OPERATION)
    expect(page.locator("#operations-auth-refresh")).to_contain_text("Example Value")


def test_the_search_shows_only_problems_with_all_words(page: Page) -> None:
    """A code, a status or a word finds a problem. The page says how many problems match."""
    show(page, PROBLEMS)
    field, problems = page.get_by_role("searchbox"), page.locator("details:visible")
    everything = problems.count()
    for text, code in (
        ("email-taken", "email-taken"),
        ("413", "content-too-large"),
        ("Quotes COMMAS", "malformed-json"),
    ):
        field.fill(text)
        expect(problems).to_have_count(1)
        expect(problems.locator("summary code")).to_have_text(code)
        expect(page.locator("h2:visible")).to_have_count(1)
        expect(page.get_by_role("status")).to_have_text("1 problem")
    field.fill("email-taken 413")
    expect(problems).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("No problem matches. Try fewer words.")
    field.fill("")
    expect(problems).to_have_count(everything)


def test_the_keyboard_opens_a_problem_and_its_page(page: Page) -> None:
    """Tab reaches the problem that the search has found, and then the link in this problem."""
    show(page, PROBLEMS)
    page.get_by_role("searchbox").fill("sku-taken")
    for key in ("Tab", "Enter", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", level=1)).to_have_text("Sku taken")


def test_without_javascript_all_problems_are_listed(browser: Browser, service: Service) -> None:
    """The search field, which would not work, is hidden."""
    with chromium.profile(browser, service.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(PROBLEMS)
        expect(page.locator("details").last).to_be_visible()
        expect(page.get_by_role("searchbox")).to_have_count(0)


def show(page: Page, path: str) -> None:
    """Open a page, and wait until its script has run."""
    page.goto("about:blank")
    page.goto(path)
    ready = {DOCS: ".opblock", OPERATION: ".opblock-body", PROBLEMS: "#search", PROBLEM: "main"}
    expect(page.locator(ready[path]).first).to_be_visible()
