"""The lab's page: one request stage by stage, what a stage did, and two side by side."""

from playwright.sync_api import Locator, Page

from tests.page.reading import expect, go, requests, stage, stages
from tests.page.recordings import products, signup
from tests.page.stand_in import CHECKOUT, StandIn

MINUS = "\N{MINUS SIGN}"


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


def width(bar: Locator) -> float:
    """How wide it is drawn."""
    return float(bar.evaluate("bar => bar.getBoundingClientRect().width"))


def line_of(file: str, number: int) -> str:
    """A line as it stands in the source."""
    return (CHECKOUT / file).read_text().splitlines()[number - 1].strip()
