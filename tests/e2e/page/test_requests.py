"""The lab's page: signing up, and the list of requests as they happen."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

import pytest
from playwright.sync_api import Page

from lab.stack.control import running
from lab.stack.paths import Paths
from tests.accounts import new_email
from tests.e2e.local_stack import LocalStack, signup
from tests.e2e.page.reading import expect, go, request, requests, sign_up, stage, stages
from tests.e2e.page.sending import Client

NOT_LIVE = "Not live: the collector cannot be reached"


@pytest.mark.usefixtures("forgetful")
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
    sign_up(page, new_email())
    expect(page.get_by_text("Welcome, Ahmed!")).to_be_visible()
    expect(page.get_by_label("Password")).to_have_value("")
    page.get_by_role("button", name="See every stage of it").click()
    expect(page.get_by_role("heading", name="POST /api/users")).to_be_visible()
    for word in ("wait", "load-balancer", "app", "hash", "sql", "commit"):
        expect(stage(page, word).first).to_be_visible()


@pytest.mark.parametrize("password", ["correct horse battery", "short"])
def test_a_refused_signup_has_the_problems_own_words(
    page: Page, stack: LocalStack, password: str
) -> None:
    """What is wrong stands beside its field, where there is one, and what was typed stays."""
    person = signup(new_email())
    assert stack.request("POST", "/api/users", body=person).status == 201
    problem = stack.request("POST", "/api/users", body={**person, "password": password}).json()
    go(page)
    sign_up(page, person["email"], password)
    field = page.get_by_label("Password")
    if password == "short":
        said = problem["errors"][0]["detail"]
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(re.compile(re.escape(said)))
        expect(page.get_by_text("what is wrong stands beside each field")).to_be_visible()
    else:
        expect(page.get_by_text(problem["detail"])).to_be_visible()
        expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Email")).to_have_value(person["email"])


def test_the_pages_own_request_has_what_the_browser_measured(page: Page) -> None:
    """Around the server's stages stand those of the client that the browser knows."""
    go(page)
    with page.expect_response("/api/products") as answer:
        page.get_by_role("button", name="Send GET /api/products").click()
    request_id = answer.value.headers["x-request-id"]
    page.get_by_role("grid").locator(f"[data-of*='{request_id}']").click()
    expect(stage(page, "wait")).to_contain_text("client")
    # The load balancer's stage lies within the wait.
    expect(stage(page, "load-balancer")).to_have_attribute("aria-level", "3")


@pytest.mark.slow
def test_new_requests_do_not_move_the_list_while_somebody_reads(page: Page, client: Client) -> None:
    """They wait behind a button as long as the keyboard or the pointer is in the list."""
    before = client.trace("GET", "/livez")
    go(page)
    request(page, before).focus()
    client.trace("GET", "/livez")
    last = client.trace("GET", "/api/products")
    more = page.get_by_role("button", name="2 new, show")
    expect(more).to_be_visible()
    expect(request(page, last)).to_have_count(0)
    # A person holds the button for a moment.
    more.click(delay=300)
    expect(requests(page).first).to_have_attribute("data-trace", last)
    expect(requests(page).first).to_be_focused()


def test_a_request_that_is_told_anew_keeps_the_focus(page: Page, client: Client) -> None:
    """What the client has seen changes the line, and not where the keyboard is."""
    sent = client.send("GET", "/api/products")
    go(page)
    row = request(page, sent.context.trace_id)
    button = row.get_by_role("button")
    button.focus()
    client.tell(sent)
    expect(row).to_contain_text("client")
    expect(button).to_be_focused()


@pytest.mark.slow
def test_the_list_is_bounded(page: Page, stack: LocalStack) -> None:
    """Of very many requests the page keeps the newest, and they scroll below their head."""
    go(page)
    for _ in range(3):
        last = send_quickly(stack, 75)
        expect(requests(page).first).to_have_attribute("data-trace", last)
    expect(requests(page)).to_have_count(200)
    height = page.evaluate("document.documentElement.scrollHeight")
    assert height <= page.evaluate("innerHeight")
    requests(page).last.scroll_into_view_if_needed()
    expect(page.get_by_role("columnheader", name="Status")).to_be_in_viewport()


def send_quickly(stack: LocalStack, times: int) -> str:
    """Send requests one after the other on one connection; return the last one's trace id."""
    connection = http.client.HTTPConnection("localhost", stack.http_port, timeout=10)
    trace_id = ""
    for _ in range(times):
        trace_id = token_hex(16)
        traceparent = f"00-{trace_id}-{token_hex(8)}-01"
        connection.request("GET", "/api/nothing", headers={"traceparent": traceparent})
        connection.getresponse().read()
    connection.close()
    return trace_id


@pytest.mark.slow
def test_it_says_when_it_is_not_live_and_catches_up(
    page: Page, stack: LocalStack, client: Client
) -> None:
    """What happens while nobody listens is there as soon as somebody does again."""
    go(page)
    running(Paths(stack.directory)).collector.end_streams()
    expect(page.get_by_text(NOT_LIVE)).to_be_visible()
    missed = client.trace("GET", "/livez")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(request(page, missed)).to_be_visible()


@pytest.mark.slow
def test_a_collector_that_died_takes_nothing_from_the_page(
    page: Page, stack: LocalStack, client: Client
) -> None:
    """What is drawn stays; a new one goes on, and says of older requests that they are gone."""
    before = client.sign_up()
    go(page, f"#trace={before}")
    expect(stage(page, "commit")).to_be_visible()
    stack.kill("collector")
    expect(page.get_by_text(NOT_LIVE)).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(request(page, client.trace("GET", "/livez"))).to_be_visible()
    expect(request(page, before)).to_be_visible()
    expect(stage(page, "commit")).to_be_visible()
    go(page, f"#trace={before}")
    expect(page.get_by_role("alert")).to_contain_text("no longer kept")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.slow
def test_a_collector_that_stays_away_is_asked_again_and_again(
    page: Page, stack: LocalStack, client: Client
) -> None:
    """Also after the load balancer has answered in its place, and for what could not be had."""
    before = client.trace("GET", "/livez")
    go(page)
    expect(request(page, before)).to_be_visible()
    with without_a_collector(stack):
        expect(page.get_by_text(NOT_LIVE)).to_be_visible()
        request(page, before).click()
        expect(page.get_by_role("alert")).to_contain_text("The collector cannot be reached")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("no longer kept")


@contextmanager
def without_a_collector(stack: LocalStack) -> Iterator[None]:
    """Have the shared stack do without it until the end of the block, whatever happens there."""
    collector = running(Paths(stack.directory)).collector
    collector.disable_restart()
    try:
        stack.kill("collector")
        yield
    finally:
        collector.enable_restart()


def test_a_link_opens_what_it_names_and_back_and_forward_work(page: Page, client: Client) -> None:
    """The address holds what is chosen."""
    signed_up, looked = client.sign_up(), client.trace("GET", "/api/products")
    (hashed,) = [it for it in client.document(signed_up)["spans"] if it["stage"] == "hash"]
    go(page, f"#trace={signed_up}&stage={hashed['id']}")
    panel = page.get_by_role("complementary")
    expect(panel).to_contain_text("The password was hashed")
    request(page, looked).click()
    expect(panel).to_be_hidden()
    page.go_back()
    expect(panel).to_contain_text("The password was hashed")
    page.go_forward()
    expect(page.get_by_role("heading", name="GET /api/products")).to_be_visible()
    expect(stages(page).first).to_be_visible()
