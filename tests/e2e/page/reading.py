"""Finds elements on the lab's page, and fills in its form."""

from contextlib import suppress

import pytest
from playwright.sync_api import Error, Locator, Page, expect

from tests.accounts import PASSWORD
from tests.chromium import TIMEOUT_MS

__all__ = ["expect", "go", "request", "requests", "sign_up", "stage", "stages"]

expect.set_options(timeout=TIMEOUT_MS)


def go(page: Page, address: str = "") -> None:
    """Load `/lab` with the rest of its address: a view, a filter, or what is selected.

    Try again if loading fails because the machine's networks change.
    """
    page.goto("about:blank")
    for _ in range(5):
        with suppress(Error):
            page.goto(f"/lab{address}")
            expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=5000)
            return
    pytest.fail("The page does not load.")


def sign_up(page: Page, email: str, password: str = PASSWORD) -> None:
    """Open the form, fill it in and submit it."""
    page.get_by_role("button", name="Signup", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Ahmed")
    page.get_by_label("Email", exact=True).fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign up").click()


def requests(page: Page) -> Locator:
    """The rows of the list, without its header."""
    return page.get_by_role("grid").locator("[data-trace]")


def request(page: Page, trace_id: str) -> Locator:
    """The row of one request."""
    return page.get_by_role("grid").locator(f"[data-trace='{trace_id}']")


def stages(page: Page) -> Locator:
    """The rows of the waterfall, without its header."""
    return page.get_by_role("treegrid").locator("[data-span]")


def stage(page: Page, word: str) -> Locator:
    """The rows of the stages with this name."""
    return stages(page).filter(has=page.locator(".word").get_by_text(word, exact=True))
