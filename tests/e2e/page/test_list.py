"""The lab's page: how a request is found in the list, and what the statistics say about it."""

import re
from secrets import token_hex

import pytest
from playwright.sync_api import Page

from tests.e2e.page.reading import expect, go, request, requests
from tests.e2e.page.sending import CATALOGUE, Client
from tests.otlp import request as otlp_request
from tests.otlp import span


def send_to(client: Client, path: str, durations_ms: list[float]) -> list[str]:
    """Send a span for each duration. The spans start one after another. Return the trace ids."""
    ids = [token_hex(16) for _ in durations_ms]
    attributes = {
        "http.request.method": "GET",
        "url.path": f"{path}/7",
        "http.route": f"{path}/{{id}}",
        "http.response.status_code": 200,
    }
    spans = [
        span(trace_id, "GET", start_ms=number, duration_ms=duration, attributes=attributes)
        for number, (trace_id, duration) in enumerate(zip(ids, durations_ms, strict=True))
    ]
    client.send_spans(otlp_request("shop", *spans))
    return ids


def test_a_filter_finds_requests_old_and_new(page: Page, client: Client) -> None:
    """The page's URL contains the filter, so a reload keeps it. A row shows the concrete path."""
    number = int(token_hex(4), 16)
    before = client.trace("GET", f"/api/products/{number}")
    go(page)
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.get_by_label("Path or route")).to_be_focused()
    page.get_by_label("Path or route").fill(f"products/{number}")
    # The filter takes effect a moment after the last key.
    expect(page).to_have_url(re.compile(rf"/lab\?path=products%2F{number}$"))
    expect(request(page, before)).to_contain_text(f"/api/products/{number}")
    expect(requests(page)).to_have_count(1)
    client.trace("GET", CATALOGUE)
    new = client.trace("GET", f"/api/products/{number}")
    expect(request(page, new)).to_be_visible()
    page.reload()
    expect(requests(page)).to_have_count(2)
    page.get_by_role("button", name="Clear the filter").click()
    expect(requests(page).filter(has_not_text=str(number)).first).to_be_visible()
    expect(page).to_have_url(re.compile("/lab$"))


def test_assets_and_health_checks_have_to_be_asked_for(page: Page, client: Client) -> None:
    """After a click on a checkbox, the list shows these requests, both earlier and later ones."""
    before, listed = client.trace("GET", "/livez"), client.trace("GET", CATALOGUE)
    go(page)
    expect(request(page, listed)).to_be_visible()
    expect(request(page, before)).to_have_count(0)
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Show assets, health checks").check()
    expect(request(page, before)).to_be_visible()
    expect(request(page, client.trace("GET", "/livez"))).to_be_visible()


def test_an_empty_or_invalid_filter_says_what_to_do(page: Page, client: Client) -> None:
    """The field shows the collector's message. If nothing matches, a button shows all requests."""
    listed = client.trace("GET", CATALOGUE)
    go(page)
    expect(request(page, listed)).to_be_visible()
    page.get_by_role("button", name="Filter", exact=True).click()
    page.get_by_label("Status", exact=True).fill("teapot")
    expect(requests(page)).to_have_count(0)
    status = page.get_by_label("Status", exact=True)
    expect(status).to_have_accessible_description(re.compile("code such as 404"))
    expect(status).to_have_attribute("aria-invalid", "true")
    status.fill("599")
    expect(page.get_by_text("The collector has no request that matches.")).to_be_visible()
    expect(status).not_to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="Show all requests").click()
    expect(request(page, listed)).to_be_visible()
    expect(page.locator("#requests")).to_be_focused()
    expect(status).to_have_value("")


def test_every_request_of_the_collector_can_be_reached(page: Page, client: Client) -> None:
    """A button loads the next page of older requests, and moves the focus to the first of them."""
    path = f"/{token_hex(8)}"
    ids = send_to(client, path, [1] * 120)
    go(page, f"?path={path}")
    expect(page.locator("#matches")).to_have_text("120 requests match")
    older = page.get_by_role("button", name="Load older requests")
    for shown in (50, 100):
        expect(requests(page)).to_have_count(shown)
        older.click()
        expect(request(page, ids[-1 - shown])).to_be_focused()
    expect(older).to_be_hidden()
    order = requests(page).evaluate_all("rows => rows.map(row => row.dataset.trace)")
    assert order == ids[::-1]


def test_a_request_that_is_slow_for_its_route_is_marked(page: Page, client: Client) -> None:
    """The statistics of a route say above which duration a request is slow for this route."""
    path = f"/{token_hex(8)}"
    *usual, slow = send_to(client, path, [*[3] * 20, 900])
    go(page)
    page.get_by_role("tab", name="Statistics").click()
    panel = page.get_by_role("tabpanel", name="Statistics")
    expect(panel).to_contain_text("longer than the p95 of its route")
    row = panel.get_by_role("row").filter(has_text=path)
    expect(row.get_by_role("cell")).to_have_text(
        [f"GET {path}/{{id}}", "21", re.compile("\N{EN DASH}|/s|/min"), "0\xa0%", "0\xa0%",
         "3.00\xa0ms", "3.00\xa0ms", "900\xa0ms",
         re.compile(r"most often 2 to 5\sms.*20: 2 to 5\sms; 1: 500\sms")]
    )  # fmt: skip
    row.get_by_role("button").click()
    expect(requests(page)).to_have_count(21)
    assert "method=GET" in page.url
    expect(request(page, slow)).to_contain_text("slow")
    expect(request(page, usual[0])).not_to_contain_text("slow")


@pytest.mark.parametrize("second", ["chosen", "cancelled"])
def test_two_requests_become_a_and_b(page: Page, client: Client, second: str) -> None:
    """After the choice of the first request, a live region asks for the second request."""
    path = f"/{token_hex(8)}"
    b, a = send_to(client, path, [1, 1])
    go(page, f"?path={path}")
    request(page, a).get_by_role("button", name="Compare").click()
    step = page.get_by_role("status").filter(has_text="Now choose the second request")
    expect(step).to_be_visible()
    expect(request(page, a).locator(".letter")).to_have_text("A")
    if second == "chosen":
        request(page, b).get_by_role("button", name="Compare").click()
        expect(request(page, b).locator(".letter")).to_have_text("B")
        expect(page.locator("#chosen .letter")).to_have_text(["A", "B"])
    else:
        step.get_by_role("button", name="Cancel").click()
        expect(request(page, a).locator(".letter")).to_be_hidden()
    expect(step).to_have_count(0)
