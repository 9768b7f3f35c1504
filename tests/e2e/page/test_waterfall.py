"""The lab's page: the waterfall of a request, the panel of a stage, and the comparison."""

import re
from secrets import token_hex
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from lab.trace.collector_client import Document
from tests.e2e.conftest import Fault
from tests.e2e.page.reading import expect, go, request, stage, stages
from tests.e2e.page.sending import CATALOGUE, WITH_WORKER, Client, Shop
from tests.e2e.signups import signup_items
from tests.otlp import request as otlp_request
from tests.otlp import span
from tests.service import CHECKOUT

MINUS = "\N{MINUS SIGN}"
VERDICT = re.compile(rf"B took [\d.]+\sms (less|more) than A \([+{MINUS}][\d.]+\s%\)\.")


def test_the_waterfall_shows_every_stage_by_depth(page: Page, client: Client) -> None:
    """Each stage is under its parent, ordered by start, and visible even if it is short."""
    trace_id = client.sign_up()
    document = client.document(trace_id, processes=WITH_WORKER)
    go(page, f"#trace={trace_id}")
    expect(stages(page)).to_have_count(len(document["spans"]))
    shown = stages(page).evaluate_all(
        "rows => rows.map(it => [it.dataset.span, Number(it.ariaLevel), it.lastChild.textContent])"
    )
    assert [(span_id, level, figures(text)) for span_id, level, text in shown] == [
        (it["id"], it["depth"] + 1, [rounded(it["duration_ms"])]) for it in document["spans"]
    ]
    expect(stage(page, "sql").first).to_contain_text("database")
    assert min(widths(stages(page).locator(".bar"))) >= 3
    gap_text = page.get_by_text("Largest untraced gap:")
    gap_ms, *_ = figures(gap_text.locator("strong").inner_text())
    assert gap_ms == rounded(document["untraced_ms"])


def test_a_stage_shows_its_statement_its_plan_and_its_source(page: Page, client: Client) -> None:
    """The statement has several lines, a button shows the plan, and the source line is marked."""
    trace_id = client.sign_up()
    spans = client.document(trace_id)["spans"]
    (code,) = [it["code"] for it in spans if it["name"] == "INSERT users"]
    go(page, f"#trace={trace_id}")
    stage(page, "sql").filter(has_text="INSERT users").click()
    panel = page.get_by_role("complementary")
    expect(panel).to_contain_text("db.collection.name")
    statement = panel.locator("pre").first
    expect(statement).to_contain_text("INSERT INTO users")
    expect(statement).to_contain_text("\nVALUES (%(")
    expect(panel.locator("mark")).to_have_text(line_of(code["file"], code["line"]))
    panel.get_by_role("button", name="Show query plan").click()
    plan = panel.get_by_role("region", name="Query plan")
    expect(plan).to_contain_text("Insert on users")
    expect(plan).to_be_focused()
    expect(panel.get_by_role("button", name="Show query plan")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(stage(page, "sql").filter(has_text="INSERT users")).to_be_focused()


@pytest.mark.slow
def test_late_spans_keep_the_focus_and_the_plan(page: Page, client: Client) -> None:
    """The page draws the waterfall again, with the same focus, plan and copied text."""
    sent = client.send("POST", "/api/users", *signup_items())
    go(page, f"#trace={sent.context.trace_id}")
    stage(page, "sql").filter(has_text="INSERT users").click()
    page.get_by_role("button", name="Show query plan").click()
    plan = page.get_by_role("region", name="Query plan")
    expect(plan).to_contain_text("Insert on users")
    copy = page.get_by_role("button", name="Copy link")
    copy.click()
    client.report(sent)
    expect(stage(page, "wait")).to_be_visible()
    expect(copy).to_be_focused()
    expect(page.get_by_role("region", name="Copied text")).to_have_text(page.url)
    expect(plan).to_contain_text("Insert on users")


def test_markup_in_spans_is_shown_as_text(page: Page, client: Client) -> None:
    """Any sender can put markup into names and attributes. The page creates no element from it."""
    attack, trace_id, span_id = "<img src=x onerror=alert(1)>", token_hex(16), token_hex(8)
    attributes = {"http.route": attack, "url.path": attack, attack: attack}
    spans = span(trace_id, attack, span_id=span_id, attributes=attributes)
    client.send_spans(otlp_request(attack, spans))
    go(page, f"?id={trace_id}#trace={trace_id}&stage={span_id}")
    expect(page.get_by_role("complementary").locator("dd").first).to_be_visible()
    expect(page.get_by_role("complementary").get_by_text(attack, exact=True).last).to_be_visible()
    expect(request(page, trace_id)).to_contain_text(attack)
    assert page.locator("img").count() == 0


def test_quoted_text_and_types_in_a_statement_are_not_clauses(page: Page, client: Client) -> None:
    """A clause begins a new line, but `FROM` in a quoted text or `WITH` in a type does not.

    The service sends no such statement, but another sender may.
    """
    lines = [
        "INSERT INTO users (role, erased_at)",
        "VALUES ('user FROM here', %(erased_at)s::TIMESTAMP WITH TIME ZONE)",
        "RETURNING id",
    ]
    trace_id, span_id = token_hex(16), token_hex(8)
    attributes = {"db.system.name": "postgresql", "db.query.text": " ".join(lines)}
    client.send_spans(
        otlp_request("shop", span(trace_id, "INSERT", span_id=span_id, attributes=attributes))
    )
    go(page, f"#trace={trace_id}&stage={span_id}")
    statement = page.get_by_role("complementary").locator("pre").first
    expect(statement).to_be_visible()
    assert statement.inner_text().splitlines() == lines


def test_two_requests_are_compared_on_one_time_axis(page: Page, client: Client, shop: Shop) -> None:
    """A stage of both shows the difference of its times. A stage of A alone says `only A`."""
    miss, hit = shop.miss_and_hit(client)
    a, b = client.document(miss), client.document(hit)
    go(page)
    request(page, miss).get_by_role("button", name="Compare").click()
    request(page, hit).get_by_role("button", name="Compare").click()
    expect(page.locator(".verdict")).to_have_text(VERDICT)
    by = b["duration_ms"] - a["duration_ms"]
    verdict = page.locator(".verdict").inner_text()
    assert ("less" in verdict, MINUS in verdict) == (by < 0, by < 0)
    assert figures(verdict) == [rounded(abs(by)), rounded_percent(abs(by) / a["duration_ms"])]
    times = [took(document, "load-balancer") for document in (a, b)]
    delta = stage(page, "load-balancer").locator(".delta").inner_text()
    assert delta.startswith(MINUS if times[1] < times[0] else "+")
    assert figures(delta) == [rounded(abs(times[1] - times[0]))]
    expect(stage(page, "sql").first).to_contain_text("only A")
    of_a, of_b = widths(stage(page, "load-balancer").locator(".bar"))
    ratio = took(a, "load-balancer") / took(b, "load-balancer")
    assert of_a / of_b == pytest.approx(ratio, rel=0.1)
    page.get_by_role("button", name="Show A alone").click()
    expect(page.get_by_role("heading", name="GET /api/products")).to_be_visible()


def test_requests_to_different_routes_can_be_compared(page: Page, client: Client) -> None:
    """Both requests have the stages `load-balancer` and `app`. Only the signup has `hash`."""
    signed_up, read = client.sign_up(), client.trace("GET", CATALOGUE)
    go(page, f"#trace={signed_up}&compare={read}")
    expect(stage(page, "hash")).to_contain_text("only A")
    for word in ("load-balancer", "app"):
        expect(stage(page, word)).to_have_count(1)
        expect(stage(page, word)).not_to_contain_text("only")


def test_a_request_can_be_compared_with_the_previous_one_to_its_route(
    page: Page, client: Client, shop: Shop
) -> None:
    """A button compares the request with the previous request to the same route."""
    shop.restock()
    miss = client.trace("GET", CATALOGUE)
    client.sign_up()
    hit = client.trace("GET", CATALOGUE)
    go(page, f"#trace={hit}")
    page.get_by_role("button", name="Compare with the previous").click()
    expect(request(page, miss)).to_have_attribute("aria-selected", "true")
    expect(stage(page, "sql").first).to_contain_text("only A")


def test_without_redis_its_stage_fails_and_the_request_succeeds(
    page: Page, client: Client, fault: Fault
) -> None:
    """The list shows `bypass`, and the waterfall shows the failed stage."""
    # Four requests, so that both app processes have the response in memory. They still ask Redis.
    for _ in range(4):
        client.send("GET", CATALOGUE)
    fault("redis", "stop")
    trace_id = client.trace("GET", CATALOGUE)
    go(page, f"#trace={trace_id}")
    expect(stages(page).filter(has_text="failed").first).to_contain_text("redis")
    expect(request(page, trace_id)).to_contain_text("200")
    expect(request(page, trace_id)).to_contain_text("bypass")


@pytest.mark.slow
def test_without_postgres_the_page_says_why_there_is_no_plan(
    page: Page, client: Client, fault: Fault
) -> None:
    """The collector's error is below the statement. A failed signup has a failed stage."""
    go(page, f"#trace={client.sign_up()}")
    stage(page, "sql").filter(has_text="INSERT users").click()
    fault("postgres", "stop")
    page.get_by_role("button", name="Show query plan").click()
    reason = page.get_by_text("No query plan. PostgreSQL does not answer.")
    expect(reason).to_be_visible()
    failed = client.sign_up()
    request(page, failed).click()
    expect(request(page, failed)).to_contain_text("503")
    expect(stages(page).filter(has_text="failed").first).to_be_visible()


def widths(bars: Locator) -> list[float]:
    """Return the width of each bar in pixels."""
    pixels: list[float] = bars.evaluate_all(
        "bars => bars.map(bar => bar.getBoundingClientRect().width)"
    )
    return pixels


def took(document: Document, word: str) -> float:
    """Return the duration of the first stage with this name, in milliseconds."""
    durations: list[float] = [it["duration_ms"] for it in document["spans"] if it["stage"] == word]
    return durations[0]


def figures(text: str) -> list[float]:
    """Return each number that has the unit ms or % and no more than two decimal places."""
    return [
        float(number) for number in re.findall(r"(?<![\d.])(\d+(?:\.\d\d?)?)\xa0(?:ms|%)", text)
    ]


def rounded(ms: float) -> Any:
    """Match a time as the page rounds it: to 0.01 ms below 10 ms, and to 0.1 ms below 100 ms.

    From 100 ms, it is rounded to 1 ms. A tie may be rounded up or down.
    """
    return _rounded(ms, 0 if ms >= 99.95 else 1 if ms >= 9.995 else 2)


def rounded_percent(part: float) -> Any:
    """Match a fraction in percent: one decimal place below 10 %, no decimal place from 10 %."""
    return _rounded(100 * part, 1 if part < 0.1 else 0)


def _rounded(value: float, digits: int) -> Any:
    return pytest.approx(value, rel=0, abs=0.5 * 10**-digits + 1e-9)


def line_of(file: str, number: int) -> str:
    """Return a line of the source code."""
    return (CHECKOUT / file).read_text().splitlines()[number - 1].strip()
