"""The lab's page as people use it: to sign up, to look into requests, to compare two."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page

from tests.page.reading import expect, go, requests, sign_up, stage, stages
from tests.page.recordings import products, signup
from tests.page.stand_in import CHECKOUT, SHORT, TAKEN, StandIn

PHONE = 360
# What else axe looks for does not depend on colours.
ONLY_CONTRAST = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
MINUS = "\N{MINUS SIGN}"


def test_the_first_view_says_what_to_do(page: Page) -> None:
    """Without any request there is one sentence, a button that sends one, and a command."""
    go(page)
    empty = page.get_by_text("Nothing has been sent yet")
    expect(empty).to_be_visible()
    expect(page.get_by_text("make trace")).to_be_visible()
    page.get_by_role("button", name="Send GET /api/products").click()
    expect(requests(page)).to_have_count(1)
    expect(empty).to_be_hidden()


def test_a_person_signs_up_and_sees_what_it_took(page: Page) -> None:
    """Welcome by name, and from there into the request that has just been made."""
    go(page)
    sign_up(page, "ahmed@example.com")
    expect(page.get_by_text("Welcome, Ahmed!")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_role("button", name="See every stage of it").click()
    expect(page.get_by_role("heading", name="POST /api/users")).to_be_visible()


@pytest.mark.parametrize(
    ("email", "password", "said"),
    [("taken@example.com", "correct horse battery", TAKEN), ("ahmed@example.com", "short", SHORT)],
)
def test_a_refused_signup_has_the_problems_own_words(
    page: Page, email: str, password: str, said: str
) -> None:
    """What is wrong stands beside its field, where there is one, and what was typed stays."""
    go(page)
    sign_up(page, email, password)
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.get_by_label("Email")).to_have_value(email)
    field = page.get_by_label("Password")
    if said == SHORT:
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(re.compile(re.escape(said)))
    else:
        expect(field).not_to_have_attribute("aria-invalid", "true")


def test_the_pages_own_request_has_what_the_browser_measured(page: Page) -> None:
    """Around the server's stages stand those of the client that the browser knows."""
    go(page)
    page.get_by_role("button", name="Send GET /api/products").click()
    requests(page).first.click()
    expect(stage(page, "wait")).to_contain_text("client")
    # The load balancer's stage lies within the wait.
    expect(stage(page, "load-balancer")).to_have_attribute("aria-level", "3")


def test_new_requests_do_not_move_the_list_while_somebody_reads(
    page: Page, collector: StandIn
) -> None:
    """They wait behind a button as long as the keyboard or the pointer is in the list."""
    collector.tell(signup(1))
    go(page)
    requests(page).first.focus()
    collector.tell(products(2, cache="miss"), products(3, cache="hit"))
    more = page.get_by_role("button", name="2 new, show")
    expect(more).to_be_visible()
    expect(requests(page)).to_have_count(1)
    more.click()
    expect(requests(page)).to_have_count(3)
    expect(requests(page).first).to_contain_text("hit")
    expect(requests(page).first).to_be_focused()


def test_the_list_is_bounded(page: Page, collector: StandIn) -> None:
    """Of very many requests the page keeps the newest."""
    go(page)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    collector.tell(*(products(number, cache="hit") for number in range(1, 231)))
    expect(requests(page).first).to_have_attribute("data-trace", f"{230:032x}")
    expect(requests(page)).to_have_count(200)


def test_it_says_when_it_is_not_live_and_loses_nothing(page: Page, collector: StandIn) -> None:
    """While the collector is away the page keeps what it has; then it catches up by itself."""
    collector.tell(signup(1))
    go(page)
    requests(page).first.click()
    expect(stage(page, "sql")).to_be_visible()
    collector.go()
    expect(page.get_by_text("Not live: the collector cannot be reached")).to_be_visible()
    expect(stage(page, "sql")).to_be_visible()
    collector.tell(products(2, cache="miss"))
    collector.away = False
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.get_by_label("Name").focus()
    page.mouse.move(0, 0)
    expect(requests(page)).to_have_count(2)


def test_the_waterfall_shows_every_stage_by_depth(page: Page, collector: StandIn) -> None:
    """Each stage in the order of time under its parent, however short; failed ones say so."""
    trace = signup(1)
    trace["spans"][9]["error"] = True
    collector.tell(trace)
    go(page)
    requests(page).first.click()
    expect(stages(page)).to_have_count(18)
    expect(stage(page, "pool")).to_have_attribute("aria-level", "6")
    expect(stage(page, "sql")).to_contain_text("database")
    expect(stage(page, "sql")).to_contain_text("2.30 ms")
    expect(stages(page).filter(has_text="failed")).to_contain_text("redis")
    widths = (
        stages(page)
        .locator(".bar")
        .evaluate_all("bars => bars.map(bar => bar.getBoundingClientRect().width)")
    )
    assert min(widths) >= 3
    expect(page.get_by_text("The longest stretch without a name is")).to_contain_text("2.30 ms")


def test_a_stage_shows_its_statement_its_plan_and_its_lines(page: Page, collector: StandIn) -> None:
    """The statement on several lines, the plan on demand, the very line in the source."""
    collector.tell(signup(1))
    go(page)
    requests(page).first.click()
    stage(page, "sql").click()
    panel = page.get_by_role("complementary")
    expect(panel).to_contain_text("db.collection.name")
    statement = panel.locator("pre").first
    expect(statement).to_contain_text("\nVALUES (%(name)s")
    # What is quoted is no clause, nor is what is part of a type.
    expect(statement).to_contain_text("'user FROM here', %(erased_at)s::TIMESTAMP WITH TIME ZONE)")
    expect(panel.locator("mark")).to_have_text(line_of("app/repositories/users.py", 41))
    panel.get_by_role("button", name="Show its plan").click()
    plan = panel.get_by_role("region", name="Plan of the statement")
    expect(plan).to_contain_text("Insert on users")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(stage(page, "sql")).to_be_focused()


def test_spans_that_come_late_take_away_nothing(page: Page, collector: StandIn) -> None:
    """The waterfall is drawn anew when a trace has grown; focus and plan stay where they are."""
    trace = signup(1)
    late = trace["spans"].pop()
    collector.tell(trace)
    go(page, f"#trace={1:032x}&stage=sql")
    page.get_by_role("button", name="Show its plan").click()
    plan = page.get_by_role("region", name="Plan of the statement")
    expect(plan).to_contain_text("Insert on users")
    stage(page, "hash").focus()
    collector.tell({**trace, "spans": [*trace["spans"], late]})
    expect(stage(page, late["stage"])).to_be_visible()
    expect(stage(page, "hash")).to_be_focused()
    expect(plan).to_contain_text("Insert on users")


def test_a_plan_that_cannot_be_had_says_why(page: Page, collector: StandIn) -> None:
    """In the collector's own words, below the statement."""
    collector.tell(products(1, cache="miss"))
    go(page, f"#trace={1:032x}&stage=sql")
    page.get_by_role("button", name="Show its plan").click()
    reason = page.get_by_text("There is no plan to show. PostgreSQL does not answer.")
    expect(reason).to_be_visible()


def test_what_a_stranger_has_sent_stays_text(page: Page, collector: StandIn) -> None:
    """Names and attributes that look like markup are shown, and do nothing."""
    attack = "<img src=x onerror=alert(1)>"
    trace = products(1, cache="miss") | {"path": attack, "route": attack}
    trace["spans"][0]["attributes"] = {attack: attack}
    trace["spans"][0]["name"] = attack
    collector.tell(trace)
    go(page, f"#trace={1:032x}&stage=load-balancer")
    expect(page.get_by_role("complementary").locator("dd").last).to_have_text(attack)
    assert page.locator("img").count() == 0


def test_two_requests_are_laid_side_by_side(page: Page, collector: StandIn) -> None:
    """A miss and a hit on one scale: what both have with its difference, and what only one has."""
    collector.tell(products(1, cache="miss"), products(2, cache="hit"))
    go(page)
    requests(page).last.get_by_role("button", name="Compare").click()
    requests(page).first.get_by_role("button", name="Compare").click()
    expect(page.get_by_text(f"B took 6.90 ms less than A ({MINUS}74 %).")).to_be_visible()
    expect(stage(page, "app")).to_contain_text(f"{MINUS}6.90 ms")
    expect(stage(page, "cache")).to_contain_text("±0")
    expect(stage(page, "sql")).to_contain_text("only A")
    long, short = stage(page, "load-balancer").locator(".bar").all()
    assert width(long) > 3 * width(short)
    page.get_by_role("button", name="Show A alone").click()
    expect(page.get_by_role("heading", name="GET /api/products")).to_be_visible()


def test_a_request_is_compared_with_the_one_before_of_its_route(
    page: Page, collector: StandIn
) -> None:
    """One button, where there is one to compare with."""
    collector.tell(products(1, cache="miss"), signup(2), products(3, cache="hit"))
    go(page, f"#trace={3:032x}")
    page.get_by_role("button", name="Compare with the previous").click()
    expect(stage(page, "sql")).to_contain_text("only A")


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


def test_a_link_opens_what_it_names_and_back_and_forward_work(
    page: Page, collector: StandIn
) -> None:
    """The address holds what is chosen."""
    collector.tell(signup(1), products(2, cache="miss"))
    go(page, f"#trace={1:032x}&stage=hash")
    panel = page.get_by_role("complementary")
    expect(panel).to_contain_text("The password was hashed")
    requests(page).first.click()
    expect(panel).to_be_hidden()
    page.go_back()
    expect(panel).to_contain_text("The password was hashed")
    page.go_forward()
    expect(page.get_by_role("heading", name="GET /api/products")).to_be_visible()


def test_a_request_that_is_no_longer_kept_says_so(page: Page) -> None:
    """A link may be older than what the collector remembers."""
    go(page, "#trace=00")
    expect(page.get_by_role("alert")).to_contain_text("no longer kept")


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


def violations(page: Page, options: dict[str, list[str]] | None = None) -> str:
    """What axe has found; nothing, it may be hoped."""
    found = Axe().run(page, options=options)
    return str(found.generate_report()) if found.violations_count else ""


def press(page: Page, *keys: str) -> None:
    """One key after another."""
    for key in keys:
        page.keyboard.press(key)


def width(bar: Locator) -> float:
    """How wide it is drawn."""
    return float(bar.evaluate("bar => bar.getBoundingClientRect().width"))


def line_of(file: str, number: int) -> str:
    """A line as it stands in the source."""
    return (CHECKOUT / file).read_text().splitlines()[number - 1].strip()
