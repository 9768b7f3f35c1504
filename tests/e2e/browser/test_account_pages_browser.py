"""The pages that the links in messages lead to, in a real browser against the real service."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests import chromium
from tests.chromium import violations, width
from tests.service import Service

PHONE_WIDTH_PIXELS = 390
CONFIRM = "/account/confirm"
RESET = "/account/reset"
PAGES = [CONFIRM, RESET]
API = {CONFIRM: "/api/auth/email-confirmation", RESET: "/api/auth/password-reset"}
BUTTONS = {CONFIRM: "Confirm", RESET: "Change password"}
HEADINGS = {CONFIRM: "Confirm this email address?", RESET: "Choose a new password"}
TOKEN = "A" * 43
PASSWORD = "three unrelated quiet words"
# Everything in which a page could keep a token, except the variables of its modules.
KEPT = """() => JSON.stringify([document.documentElement.outerHTML, location.href, document.title,
  document.cookie, history.state, localStorage, sessionStorage])"""


@pytest.fixture
def context(browser: Browser, service: Service) -> Iterator[BrowserContext]:
    """A new browser profile. A relative URL goes to the service."""
    with chromium.profile(browser, service.url) as context:
        yield context


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A browser tab. An unexpected error on the page fails the test."""
    with chromium.tab(context) as page:
        yield page


@pytest.mark.parametrize("path", PAGES)
def test_a_link_without_a_token_is_incomplete(page: Page, path: str) -> None:
    """The page says that the link is incomplete and what to do, and shows no form."""
    page.goto(path)
    expect(heading(page)).to_have_text("This link is incomplete")
    expect(page).to_have_title("This link is incomplete · Roundtrip")
    expect(page.locator("#text")).to_contain_text("Open the link in the message again.")
    expect(page.get_by_role("button")).to_have_count(0)


@pytest.mark.parametrize("path", PAGES)
def test_opening_a_link_sends_nothing_and_removes_the_token(page: Page, path: str) -> None:
    """The token is not in the address bar, a request, the DOM or a storage.

    A mail scanner that opens the link sends no token, so the token stays valid for the user.
    """
    sent: list[str] = []
    page.on("request", lambda request: sent.append(f"{request.method} {request.url}"))
    page.goto(f"{path}#{TOKEN}")
    expect(button(page, path)).to_be_visible()
    assert page.evaluate("location.href").endswith(path)
    assert TOKEN not in page.evaluate(KEPT)
    page.wait_for_load_state("networkidle")
    assert {line.split(" ")[0] for line in sent} == {"GET"}
    assert not [line for line in sent if "/api/" in line]


@pytest.mark.parametrize("path", PAGES)
def test_the_back_button_does_not_bring_the_token_back(page: Page, path: str) -> None:
    """The history of the tab contains the page's URL without the token."""
    page.goto("/problems")
    page.goto(f"{path}#{TOKEN}")
    expect(button(page, path)).to_be_visible()
    page.goto("/problems")
    page.go_back()
    assert page.evaluate("location.href").endswith(path)


@pytest.mark.parametrize("path", PAGES)
def test_another_link_in_the_same_tab_starts_again(page: Page, path: str) -> None:
    """After an incomplete link, a complete link in the same tab shows the form."""
    page.goto(path)
    expect(heading(page)).to_have_text("This link is incomplete")
    page.evaluate("token => { location.hash = token }", TOKEN)
    expect(heading(page)).to_have_text(HEADINGS[path])
    expect(heading(page)).to_be_focused()
    expect(button(page, path)).to_be_visible()
    assert TOKEN not in page.evaluate(KEPT)


@pytest.mark.parametrize("path", PAGES)
def test_the_keyboard_is_enough(page: Page, path: str) -> None:
    """Tab reaches each control in order, and Enter sends the token in the body of one request."""
    page.goto(f"{path}#{TOKEN}")
    expect(button(page, path)).to_be_visible()
    page.keyboard.press("Tab")
    if path == RESET:
        field = page.get_by_label("New password", exact=True)
        expect(field).to_be_focused()
        page.keyboard.type(PASSWORD)
        page.keyboard.press("Tab")
        expect(page.get_by_role("checkbox", name="Show password")).to_be_focused()
        page.keyboard.press("Space")
        expect(field).to_have_attribute("type", "text")
        page.keyboard.press("Space")
        expect(field).to_have_attribute("type", "password")
        page.keyboard.press("Tab")
    expect(button(page, path)).to_be_focused()
    with page.expect_request(f"**{API[path]}") as sent:
        page.keyboard.press("Enter")
    assert sent.value.method == "PUT"
    values = {"new_password": PASSWORD} if path == RESET else {}
    assert sent.value.post_data_json == {"token": TOKEN, **values}


def test_enter_in_the_field_submits(page: Page) -> None:
    """The user need not move the focus to the button."""
    page.goto(f"{RESET}#{TOKEN}")
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    with page.expect_request(f"**{API[RESET]}"):
        page.keyboard.press("Enter")


@pytest.mark.parametrize("path", PAGES)
def test_an_unknown_token_shows_the_words_of_the_problem(page: Page, path: str) -> None:
    """The page shows the problem's own detail, and moves the focus to the page's heading."""
    page.goto(f"{path}#{TOKEN}")
    fill(page, path)
    with page.expect_response(f"**{API[path]}") as received:
        button(page, path).click()
    document = received.value.json()
    assert (document["status"], document["code"]) == (422, "invalid-link")
    expect(heading(page)).to_have_text("This link does not work")
    expect(heading(page)).to_be_focused()
    expect(page).to_have_title("This link does not work · Roundtrip")
    expect(page.locator("#text")).to_contain_text(document["detail"])
    expect(page.locator("#text")).to_contain_text("ask for a new link")
    expect(page.get_by_role("button")).to_have_count(0)


def test_a_short_password_gets_its_message_at_the_field(page: Page) -> None:
    """The field has the focus and the service's message. The user can correct the password."""
    page.goto(f"{RESET}#{TOKEN}")
    field = page.get_by_label("New password", exact=True)
    field.fill("short")
    with page.expect_response(f"**{API[RESET]}") as received:
        button(page, RESET).click()
    (error,) = received.value.json()["errors"]
    assert error["pointer"] == "/new_password"
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(
        f"{error['detail']} {page.locator('#password-hint').inner_text()}"
    )
    expect(page).to_have_title("Error: Choose a new password · Roundtrip")
    expect(button(page, RESET)).to_be_enabled()
    expect(field).to_have_value("short")


@pytest.mark.parametrize("path", PAGES)
def test_without_a_network_the_button_works_again(context: BrowserContext, path: str) -> None:
    """The page keeps the token, so the user can try again."""
    # Not the fixture `page`: it would fail, because the offline browser logs an error.
    page = context.new_page()
    page.goto(f"{path}#{TOKEN}")
    fill(page, path)
    context.set_offline(True)
    button(page, path).click()
    expect(page.get_by_role("alert")).to_contain_text("The service cannot be reached.")
    expect(button(page, path)).to_be_focused()
    context.set_offline(False)
    with page.expect_request(f"**{API[path]}") as sent:
        button(page, path).click()
    assert (sent.value.post_data_json or {})["token"] == TOKEN


@pytest.mark.parametrize("path", PAGES)
def test_while_sending_the_button_says_so_and_sends_once(page: Page, path: str) -> None:
    """The button is disabled but keeps the focus, and a screen reader reads its new label."""
    page.goto(f"{path}#{TOKEN}")
    fill(page, path)
    # The request never ends, because this handler neither sends it nor answers it.
    sent: list[str] = []
    page.route(f"**{API[path]}", lambda route: sent.append(route.request.method))
    send = page.locator("#send")
    send.click()
    expect(send).to_be_disabled()
    expect(send).to_be_focused()
    label = send.inner_text()
    assert label.endswith("…")
    expect(page.get_by_role("status")).to_have_text(label)
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(send).to_have_text(label)
    assert sent == ["PUT"]


@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_no_violation(page: Page, path: str) -> None:
    """The form and the page of an incomplete link pass axe's checks, in both colour schemes."""
    for link in (f"{path}#{TOKEN}", path):
        page.goto("about:blank")
        page.goto(link)
        expect(page.locator("#content")).to_be_visible()
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert not violations(page)


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_needs_no_horizontal_scrolling(page: Page, path: str) -> None:
    """With and without a form, the page is as wide as the screen, even with text of double size."""
    page.set_viewport_size({"width": PHONE_WIDTH_PIXELS, "height": 844})
    for link in (f"{path}#{TOKEN}", path):
        page.goto("about:blank")
        page.goto(link)
        expect(page.locator("#content")).to_be_visible()
        assert width(page) == PHONE_WIDTH_PIXELS
        page.evaluate("document.documentElement.style.setProperty('font-size', '200%')")
        assert width(page) == PHONE_WIDTH_PIXELS


@pytest.mark.parametrize("path", PAGES)
def test_without_javascript_there_is_no_form(browser: Browser, service: Service, path: str) -> None:
    """The page has a heading, but no form, because a form would not work."""
    with chromium.profile(browser, service.url, java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{path}#{TOKEN}")
        expect(heading(page)).to_be_visible()
        expect(page.get_by_role("button")).to_have_count(0)


def heading(page: Page) -> Locator:
    """Return the page's heading."""
    return page.get_by_role("heading", level=1)


def button(page: Page, path: str) -> Locator:
    """Return the button that sends the token."""
    return page.get_by_role("button", name=BUTTONS[path], exact=True)


def fill(page: Page, path: str) -> None:
    """Fill in the form, if the page has fields."""
    if path == RESET:
        page.get_by_label("New password", exact=True).fill(PASSWORD)
