"""The lab's page, for those without a mouse, without perfect eyes, or without much room."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.page.reading import expect, go, requests, stage
from tests.page.recordings import products, signup
from tests.page.stand_in import StandIn

PHONE = 360
# What else axe looks for does not depend on colours.
ONLY_CONTRAST = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}


def test_the_keyboard_reaches_everything(page: Page, collector: StandIn) -> None:
    """Arrows in the list and in the waterfall, Enter to choose, Tab to what a row contains."""
    collector.tell(products(1, cache="miss"), signup(2))
    go(page)
    requests(page).first.focus()
    press(page, "ArrowDown", "ArrowUp", "Enter")
    expect(page.get_by_role("heading", name="POST /api/users")).to_be_visible()
    press(page, "Tab")
    expect(requests(page).first.get_by_role("button")).to_be_focused()
    press(page, "Tab", "Tab")
    expect(stage(page, "request")).to_be_focused()
    press(page, "ArrowRight", "ArrowLeft", "End", "ArrowUp", "ArrowLeft")
    expect(stage(page, "endpoint")).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_role("heading", name="endpoint")).to_be_visible()
    press(page, "Escape")
    expect(stage(page, "endpoint")).to_be_focused()


def test_axe_finds_nothing(page: Page, collector: StandIn) -> None:
    """No accessibility violation, with a stage open and with two requests; in dark, too."""
    collector.tell(products(2, cache="miss"), products(3, cache="hit"))
    go(page, f"#trace={2:032x}&stage=sql")
    expect(page.get_by_role("complementary")).to_contain_text("db.system.name")
    assert not violations(page)
    page.emulate_media(color_scheme="dark")
    assert not violations(page, ONLY_CONTRAST)
    page.get_by_role("button", name="Close the stage").click()
    requests(page).first.get_by_role("button", name="Compare").click()
    expect(stage(page, "sql")).to_contain_text("only A")
    assert not violations(page)


def test_a_phone_needs_no_scrolling_sideways(page: Page, collector: StandIn) -> None:
    """One column at 360 pixels, whatever is open."""
    collector.tell(signup(1), products(2, cache="miss"), products(3, cache="hit"))
    page.set_viewport_size({"width": PHONE, "height": 740})
    for choice in ("", f"#trace={1:032x}&stage=sql", f"#trace={2:032x}&compare={3:032x}"):
        go(page, choice)
        expect(requests(page)).to_have_count(3)
        if choice:
            expect(stage(page, "sql")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE


def press(page: Page, *keys: str) -> None:
    """One key after another."""
    for key in keys:
        page.keyboard.press(key)


def violations(page: Page, options: dict[str, list[str]] | None = None) -> str:
    """What axe has found; nothing, it may be hoped."""
    found = Axe().run(page, options=options)
    return str(found.generate_report()) if found.violations_count else ""
