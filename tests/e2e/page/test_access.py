"""The lab's page with a keyboard, with assistive technology, and on a small screen."""

import pytest
from playwright.sync_api import Page

from tests.chromium import violations, width
from tests.e2e.page.reading import expect, go, request, requests, stage, stages
from tests.e2e.page.sending import CATALOGUE, Client, Shop

PHONE_WIDTH_PIXELS = 360
# The dark scheme changes only colours, and only this rule of axe depends on colours.
ONLY_CONTRAST = {"runOnly": ["color-contrast"]}


def test_the_keyboard_reaches_requests_and_stages(page: Page, client: Client) -> None:
    """Arrow keys move between rows, Enter selects a row, and Tab reaches the row's button."""
    client.trace("GET", CATALOGUE)
    signed_up = client.sign_up()
    client.document(signed_up)
    go(page)
    expect(requests(page).first).to_have_attribute("data-trace", signed_up)
    requests(page).first.focus()
    press(page, "ArrowDown", "ArrowUp", "Tab")
    expect(requests(page).first.get_by_role("button")).to_be_focused()
    press(page, "ArrowLeft", "Enter")
    expect(page.get_by_role("heading", name="POST /api/users")).to_be_focused()
    # `Close` is the last button before the waterfall. A button to compare may be before `Close`.
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


# axe needs ten seconds of processor time.
@pytest.mark.slow
@pytest.mark.usefixtures("empty_collector")
def test_axe_finds_no_violation(page: Page, client: Client, shop: Shop) -> None:
    """An open stage, a comparison, the filter, and the statistics pass all checks of axe.

    Headers and log lines are unfolded. In the dark scheme, axe checks only the contrast, and only
    of the views that have colours of their own.
    """
    miss, hit = shop.miss_and_hit(client)
    go(page, f"#trace={miss}")
    stage(page, "sql").first.click()
    expect(page.get_by_role("complementary")).to_contain_text("db.system.name")
    for summary in page.locator("#chosen summary").all():
        summary.click()
    expect(page.locator("#chosen").get_by_role("region", name="Log lines")).to_be_visible()
    assert not violations(page)
    page.emulate_media(color_scheme="dark")
    assert not violations(page, **ONLY_CONTRAST)
    page.get_by_role("button", name="Close stage").click()
    request(page, hit).get_by_role("button", name="Compare").click()
    expect(stage(page, "sql").first).to_contain_text("only A")
    page.get_by_role("button", name="Filter", exact=True).click()
    assert not violations(page, **ONLY_CONTRAST)
    page.emulate_media(color_scheme="light")
    assert not violations(page)
    page.get_by_role("tab", name="Statistics").click()
    expect(page.get_by_role("button", name=f"GET {CATALOGUE}", exact=True)).to_be_visible()
    assert not violations(page)


def test_a_phone_needs_no_horizontal_scrolling(page: Page, client: Client, shop: Shop) -> None:
    """The list, the filter, the statistics, a stage and a comparison fit into 360 pixels."""
    miss, hit = shop.miss_and_hit(client)
    page.set_viewport_size({"width": PHONE_WIDTH_PIXELS, "height": 740})
    go(page)
    expect(request(page, hit)).to_be_visible()
    page.get_by_role("button", name="Filter", exact=True).click()
    assert width(page) == PHONE_WIDTH_PIXELS
    page.get_by_role("tab", name="Statistics").click()
    expect(page.get_by_role("button", name=f"GET {CATALOGUE}", exact=True)).to_be_visible()
    assert width(page) == PHONE_WIDTH_PIXELS
    for selection in (f"#trace={miss}", f"#trace={miss}&compare={hit}"):
        go(page, selection)
        stage(page, "sql").first.click()
        expect(page.get_by_role("complementary")).to_contain_text("SELECT")
        assert width(page) == PHONE_WIDTH_PIXELS


def press(page: Page, *keys: str) -> None:
    """Press the keys one after another."""
    for key in keys:
        page.keyboard.press(key)
