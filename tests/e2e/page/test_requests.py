"""The lab's page: the bar that sends requests, and the live list of requests."""

import http.client
import re
from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

import pytest
from playwright.sync_api import Page

from tests.accounts import PASSWORD, new_email, signup_body
from tests.e2e.local_stack import LocalStack
from tests.e2e.page.reading import expect, go, request, requests, sign_up, stage, stages
from tests.e2e.page.sending import CATALOGUE, WITH_WORKER, Client, Shop

NOT_LIVE = "Not live: the collector is unreachable"


@pytest.mark.usefixtures("empty_collector")
def test_the_empty_list_says_how_to_send_a_request(page: Page) -> None:
    """Without requests, the page shows a text, a button that sends a request, and a command."""
    go(page)
    empty = page.get_by_text("No requests to show yet")
    expect(empty).to_be_visible()
    expect(page.get_by_text("make trace")).to_be_visible()
    page.get_by_role("button", name="Send GET /api/products").click()
    expect(requests(page)).to_have_count(1)
    expect(empty).to_be_hidden()


@pytest.mark.parametrize(
    ("preset", "sent", "status"),
    [
        ("Uncached read", "GET /api/products?limit=", "200"),
        ("Cached read", "GET /api/products?limit=20", "200"),
        ("Email taken", "POST /api/users", "409"),
        ("Order", "POST /api/users/", "201"),
        ("GraphQL", "POST /graphql", "200"),
    ],
)
def test_a_button_sends_a_request_and_shows_its_status(
    page: Page, shop: Shop, preset: str, sent: str, status: str
) -> None:
    """The page shows the last request that the button sends. Another button shows its stages."""
    shop.restock()
    go(page)
    page.get_by_role("button", name=preset, exact=True).click()
    answer = page.locator("#answer")
    expect(answer.get_by_role("code")).to_contain_text(sent)
    expect(answer.locator(".status")).to_have_text(status)
    answer.get_by_role("button", name="Show all its stages").click()
    expect(stage(page, "load-balancer")).to_be_visible()


def test_any_request_can_be_sent_and_a_mistake_is_named(page: Page) -> None:
    """Only the path of a URL is used, so no request leaves the stack."""
    go(page)
    page.get_by_role("button", name="Any request", exact=True).click()
    page.get_by_label("Method", exact=True).select_option("POST")
    path = page.get_by_label("Path", exact=True)
    path.fill("//")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(path).to_have_accessible_description(re.compile("This is not a path"))
    path.fill("https://other.example/api/users")
    body = page.get_by_label("Body, as JSON")
    body.fill("{'name': 1}")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("This is not JSON.")).to_be_visible()
    expect(body).to_be_focused()
    body.fill('{"name": 1}')
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.locator("#answer code")).to_have_text("POST /api/users")
    expect(page.locator("#answer .status")).to_have_text("422")
    expect(page.get_by_text("This is not JSON.")).to_be_hidden()


def test_a_request_is_shown_on_its_path(page: Page, client: Client) -> None:
    """In the picture of the path, the servers that a request has reached are marked."""
    go(page)
    client.trace("GET", "/api/products")
    for place in ("load-balancer", "app", "redis"):
        expect(page.locator(f"#path .place.{place}.lit").first).to_be_visible()


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)])
def test_an_opened_request_comes_into_view(
    page: Page, client: Client, size: tuple[int, int]
) -> None:
    """After a click or with a link, the waterfall is in view, and its heading has the focus."""
    opened = client.trace("GET", "/api/products")
    client.document(opened)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    go(page)
    request(page, opened).click()
    title = page.get_by_role("heading", name="GET /api/products")
    expect(title).to_be_focused()
    expect(stage(page, "load-balancer")).to_be_in_viewport()
    go(page, f"#trace={opened}")
    expect(title).to_be_focused()
    expect(stage(page, "load-balancer")).to_be_in_viewport()


def test_the_skip_link_keeps_the_open_request(page: Page, client: Client) -> None:
    """The link moves the focus to the list, and the waterfall stays visible."""
    opened = client.trace("GET", "/api/products")
    client.document(opened)
    go(page, f"#trace={opened}")
    page.get_by_role("link", name="Skip to the requests").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#requests")).to_be_focused()
    expect(stage(page, "load-balancer")).to_be_visible()


def test_a_signup_links_to_its_own_stages(page: Page) -> None:
    """The page greets the user by name, and a button opens the waterfall of the signup."""
    go(page)
    sign_up(page, new_email())
    expect(page.get_by_text("Welcome, Ahmed!")).to_be_visible()
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    page.get_by_role("button", name="Show all its stages").click()
    expect(page.get_by_role("heading", name="POST /api/users")).to_be_visible()
    for word in ("wait", "load-balancer", "app", "hash", "sql", "commit"):
        expect(stage(page, word).first).to_be_visible()


@pytest.mark.parametrize("password", [PASSWORD, "short"])
def test_a_refused_signup_shows_the_errors_of_the_service(
    page: Page, stack: LocalStack, password: str
) -> None:
    """An error about a field is shown at the field. The form keeps the email that was typed."""
    account = signup_body()
    assert stack.request("POST", "/api/users", body=account).status == 201
    problem = stack.request("POST", "/api/users", body={**account, "password": password}).json()
    go(page)
    sign_up(page, account["email"], password)
    field = page.get_by_label("Password", exact=True)
    if password == "short":
        detail = problem["errors"][0]["detail"]
        expect(field).to_be_focused()
        expect(field).to_have_accessible_description(re.compile(re.escape(detail)))
        expect(page.get_by_text("Account not created. Fix the marked fields.")).to_be_visible()
    else:
        expect(page.get_by_text(problem["detail"])).to_be_visible()
        expect(field).not_to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Email", exact=True)).to_have_value(account["email"])


@pytest.mark.slow
def test_new_requests_do_not_move_the_list_while_it_is_in_use(page: Page, client: Client) -> None:
    """While the focus is in the list, a button shows how many new requests are not listed yet."""
    before = client.trace("GET", CATALOGUE)
    go(page)
    request(page, before).focus()
    client.trace("GET", CATALOGUE)
    last = client.trace("GET", CATALOGUE)
    more = page.get_by_role("button", name="Show 2 new")
    expect(more).to_be_visible()
    expect(request(page, last)).to_have_count(0)
    # A person holds the button down for a moment.
    more.click(delay=300)
    expect(requests(page).first).to_have_attribute("data-trace", last)
    expect(requests(page).first).to_be_focused()


def test_an_updated_request_keeps_the_focus(page: Page, client: Client) -> None:
    """When the client's spans arrive, the request's row changes, but its button keeps the focus."""
    sent = client.send("GET", "/api/products")
    go(page)
    row = request(page, sent.context.trace_id)
    button = row.get_by_role("button")
    button.focus()
    client.report(sent)
    expect(row).to_contain_text("client")
    expect(button).to_be_focused()


@pytest.mark.slow
def test_the_list_is_bounded(page: Page, stack: LocalStack) -> None:
    """The list keeps the newest 200 requests. Its rows scroll, and its header stays visible."""
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
    """Send requests one after another on one connection; return the trace id of the last."""
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
def test_the_page_says_when_it_is_not_live_and_catches_up(
    page: Page, stack: LocalStack, client: Client
) -> None:
    """After the page has reconnected, it shows the request that it missed."""
    go(page)
    stack.parts.collector.end_streams()
    expect(page.get_by_text(NOT_LIVE)).to_be_visible()
    missed = client.trace("GET", CATALOGUE)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(request(page, missed)).to_be_visible()


@pytest.mark.slow
def test_the_page_survives_a_restart_of_the_collector(
    page: Page, stack: LocalStack, client: Client
) -> None:
    """The page keeps what it shows. After a reload, it says that the request is no longer there."""
    before = client.sign_up()
    go(page, f"#trace={before}")
    expect(stage(page, "commit").first).to_be_visible()
    # Spans that arrive after the restart would make a part of the request available again.
    client.document(before, processes=WITH_WORKER)
    stack.kill("collector")
    expect(page.get_by_text(NOT_LIVE)).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(request(page, client.trace("GET", CATALOGUE))).to_be_visible()
    expect(request(page, before)).to_be_visible()
    expect(stage(page, "commit").first).to_be_visible()
    go(page, f"#trace={before}")
    expect(page.get_by_role("alert")).to_contain_text("no longer has this request")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_be_hidden()


@pytest.mark.slow
def test_the_page_retries_until_the_collector_is_back(
    page: Page, stack: LocalStack, client: Client
) -> None:
    """The page retries even after a 503 of the load balancer, and asks for the selection again."""
    before = client.trace("GET", CATALOGUE)
    go(page)
    expect(request(page, before)).to_be_visible()
    client.document(before)
    with without_a_collector(stack):
        expect(page.get_by_text(NOT_LIVE)).to_be_visible()
        request(page, before).click()
        expect(page.get_by_role("alert")).to_contain_text("The collector is unreachable")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("no longer has this request")


@contextmanager
def without_a_collector(stack: LocalStack) -> Iterator[None]:
    """Keep the shared stack's collector stopped during the block. At the end, allow its restart."""
    collector = stack.parts.collector
    collector.disable_restart()
    try:
        stack.kill("collector")
        yield
    finally:
        collector.enable_restart()


def test_a_link_opens_its_selection_and_back_and_forward_work(page: Page, client: Client) -> None:
    """The page's URL contains the ids of the selected request and stage."""
    signed_up, read = client.sign_up(), client.trace("GET", "/api/products")
    (hashed,) = [it for it in client.document(signed_up)["spans"] if it["stage"] == "hash"]
    go(page, f"#trace={signed_up}&stage={hashed['id']}")
    panel = page.get_by_role("complementary")
    expect(panel).to_contain_text("hashed or verified the password")
    request(page, read).click()
    expect(panel).to_be_hidden()
    page.go_back()
    expect(panel).to_contain_text("hashed or verified the password")
    page.go_forward()
    expect(page.get_by_role("heading", name="GET /api/products")).to_be_visible()
    expect(stages(page).first).to_be_visible()
