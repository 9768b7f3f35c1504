"""The lab's page, for those without a mouse, without perfect eyes, or without much room."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.e2e.page.reading import expect, go, request, requests, stage, stages
from tests.e2e.page.sending import CATALOGUE, Client, Shop

PHONE = 360
# What else axe looks for does not depend on colours.
ONLY_CONTRAST = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}


def test_the_keyboard_reaches_everything(page: Page, client: Client) -> None:
    """Arrows in the list and in the waterfall, Enter to choose, Tab to what a row contains."""
    client.trace("GET", CATALOGUE)
    signed_up = client.sign_up()
    client.document(signed_up)
    go(page)
    expect(requests(page).first).to_have_attribute("data-trace", signed_up)
    requests(page).first.focus()
    press(page, "ArrowDown", "ArrowUp", "Enter")
    expect(page.get_by_role("heading", name="POST /api/users")).to_be_visible()
    press(page, "Tab")
    expect(requests(page).first.get_by_role("button")).to_be_focused()
    # Past what may lead to another request of this route, and what closes this one.
    page.get_by_role("button", name="Close", exact=True).focus()
    press(page, "Tab")
    expect(stage(page, "request")).to_be_focused()
    press(page, "ArrowRight", "ArrowLeft", "End", "ArrowUp", "ArrowLeft")
    focused = stages(page).and_(page.locator(":focus"))
    word = focused.locator(".word").inner_text()
    press(page, "Enter")
    expect(page.get_by_role("complementary").get_by_role("heading", name=word)).to_be_visible()
    press(page, "Escape")
    expect(focused).to_have_count(1)


@pytest.mark.usefixtures("forgetful")
def test_axe_finds_nothing(page: Page, client: Client, shop: Shop) -> None:
    """No accessibility violation, with a stage open and with two requests; in dark, too."""
    miss, hit = shop.miss_and_hit(client)
    go(page, f"#trace={miss}")
    stage(page, "sql").first.click()
    expect(page.get_by_role("complementary")).to_contain_text("db.system.name")
    assert not violations(page)
    page.emulate_media(color_scheme="dark")
    assert not violations(page, ONLY_CONTRAST)
    page.get_by_role("button", name="Close the stage").click()
    request(page, hit).get_by_role("button", name="Compare").click()
    expect(stage(page, "sql").first).to_contain_text("only A")
    assert not violations(page)


def test_a_phone_needs_no_scrolling_sideways(page: Page, client: Client, shop: Shop) -> None:
    """One column at 360 pixels, whatever is open."""
    miss, hit = shop.miss_and_hit(client)
    page.set_viewport_size({"width": PHONE, "height": 740})
    go(page)
    expect(request(page, hit)).to_be_visible()
    assert width(page) == PHONE
    for choice in (f"#trace={miss}", f"#trace={miss}&compare={hit}"):
        go(page, choice)
        stage(page, "sql").first.click()
        expect(page.get_by_role("complementary")).to_contain_text("SELECT")
        assert width(page) == PHONE


def width(page: Page) -> int:
    """How wide all of it is."""
    return int(page.evaluate("document.documentElement.scrollWidth"))


def press(page: Page, *keys: str) -> None:
    """One key after another."""
    for key in keys:
        page.keyboard.press(key)


def violations(page: Page, options: dict[str, list[str]] | None = None) -> str:
    """What axe has found; nothing, it may be hoped."""
    found = Axe().run(page, options=options)
    return str(found.generate_report()) if found.violations_count else ""
