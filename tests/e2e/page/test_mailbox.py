"""The view `Mail` of the lab's page: the list of messages, and one message."""

import re

import pytest
from playwright.sync_api import Locator, Page

from tests.accounts import new_email
from tests.chromium import violations, width
from tests.e2e.local_stack import LocalStack
from tests.e2e.mailing import messages, send, send_text
from tests.e2e.page.reading import expect, go, sign_up
from tests.e2e.page.test_access import ONLY_CONTRAST, press

PHONE_WIDTH_PIXELS = 390
LINK = "https://a.example/confirm#x1"
ATTACK = "<img src=x onerror=alert(1)><script>alert(1)</script>"


def item(page: Page, email: str) -> Locator:
    """In the list, the messages to this address."""
    return page.get_by_role("region", name="Messages").get_by_role("link").filter(has_text=email)


def opened(page: Page) -> Locator:
    """The message that is shown."""
    return page.get_by_role("article")


def test_a_signup_leads_to_its_message(page: Page) -> None:
    """The navigation says that there is a new message. The link in the message can be clicked."""
    email = new_email()
    go(page)
    sign_up(page, email)
    expect(page.get_by_role("navigation").get_by_text("new")).to_be_visible()
    page.get_by_role("link", name="Mail").click()
    item(page, email).click()
    expect(opened(page)).to_contain_text(f"To{email}")
    link = opened(page).get_by_role("link").first
    expect(link).to_have_attribute("href", re.compile(r"/account/confirm#[\w-]{43}$"))
    with page.expect_popup() as popup:
        link.click()
    # The page removes the token from its URL.
    popup.value.wait_for_url("**/account/confirm")
    popup.value.close()


def test_a_user_confirms_the_address_and_resets_the_password(page: Page, stack: LocalStack) -> None:
    """The browser does every step except the request for a new password, which the test sends."""
    email, password = new_email(), "three unrelated quiet words"
    go(page)
    sign_up(page, email)
    page.get_by_role("link", name="Mail").click()
    tab = follow_link(page, email, "Confirm your email address")
    tab.get_by_role("button", name="Confirm").click()
    expect(tab.get_by_role("heading")).to_have_text("Your email address is confirmed.")
    tab.close()
    assert stack.request("POST", "/api/auth/password-reset", body={"email": email}).status == 202
    tab = follow_link(page, email, "Reset your password")
    tab.get_by_label("New password", exact=True).fill(password)
    tab.get_by_role("button", name="Change password").click()
    expect(tab.get_by_role("heading")).to_have_text("Your password is changed.")
    tab.close()
    auth = {"Authorization": f"Bearer {stack.log_in(email, password)}"}
    me = stack.request("GET", "/api/users/me", headers=auth).json()
    assert (me["email"], me["email_confirmed"]) == (email, True)


def follow_link(page: Page, email: str, subject: str) -> Page:
    """Open a message in the view and click its link. Return the new tab."""
    item(page, email).filter(has_text=subject).click()
    expect(opened(page)).to_contain_text(subject)
    with page.expect_popup() as popup:
        opened(page).get_by_role("link").first.click()
    return popup.value


def test_a_new_message_appears_without_a_reload(page: Page, stack: LocalStack) -> None:
    """The list stays live after a restart of the collector, which keeps its messages."""
    first, second = new_email(), new_email()
    go(page, "/mail")
    send_text(stack, first, "Hello")
    expect(item(page, first)).to_be_visible()
    stack.kill("collector")
    expect(page.get_by_text("Not live")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    send_text(stack, second, "Hello")
    expect(item(page, second)).to_be_visible()
    expect(item(page, first)).to_be_visible()


def test_links_open_in_a_new_tab(page: Page, stack: LocalStack) -> None:
    """Links in the text and in the HTML part open a new tab. A `javascript:` URL is no link."""
    email = new_email()
    html = f"<a href='{LINK}/html'>open</a> <a href='javascript:alert(1)'>not</a>"
    send_text(stack, email, f"Open {LINK}.", html=html)
    go(page, f"/mail#message={messages(stack, email)[0]['id']}")
    links = opened(page).get_by_role("link")
    expect(links).to_have_text([LINK, f"{LINK}/html"])
    for link in links.all():
        expect(link).to_have_attribute("target", "_blank")
        expect(link).to_have_attribute("rel", "noopener noreferrer")
        assert link.get_attribute("href") == link.inner_text()


@pytest.mark.parametrize("kind", ["plain", "html"])
def test_markup_in_a_message_is_shown_as_text(page: Page, stack: LocalStack, kind: str) -> None:
    """Any sender can put markup into a message. The page creates no element from the markup."""
    email = new_email()
    content = f"Subject: {ATTACK}\r\nFrom: {ATTACK}\r\nContent-Type: text/{kind}\r\n\r\nHi {ATTACK}"
    assert send(stack, email, content.encode())[0] == 250
    go(page, "/mail")
    item(page, email).click()
    expect(opened(page).get_by_role("heading", name=ATTACK)).to_be_visible()
    expect(opened(page)).to_contain_text("Hi")
    if kind == "html":
        opened(page).get_by_text("HTML source").click()
        expect(opened(page).get_by_role("region", name="HTML source")).to_have_text(f"Hi {ATTACK}")
    assert page.locator("main img, main script, iframe").count() == 0


def test_a_message_that_is_not_kept_any_more_is_an_error(page: Page) -> None:
    """Instead of a message that was deleted, the page shows an error."""
    go(page, "/mail#message=999999999")
    expect(page.get_by_role("alert")).to_contain_text("no such message")


def test_back_and_forward_work(page: Page, stack: LocalStack) -> None:
    """The page's URL contains the id of the selected message."""
    email = new_email()
    send_text(stack, email, "first", subject="First")
    send_text(stack, email, "second", subject="Second")
    go(page, "/mail")
    item(page, email).nth(1).click()
    expect(opened(page).get_by_role("heading", name="First")).to_be_focused()
    item(page, email).nth(0).click()
    expect(opened(page).get_by_role("heading", name="Second")).to_be_visible()
    page.go_back()
    expect(opened(page).get_by_role("heading", name="First")).to_be_visible()
    expect(item(page, email).nth(1)).to_have_attribute("aria-current", "true")
    expect(item(page, email).nth(0)).not_to_have_attribute("aria-current", "true")
    page.go_forward()
    expect(opened(page).get_by_role("heading", name="Second")).to_be_visible()


def test_the_keyboard_opens_a_message_and_its_link(page: Page, stack: LocalStack) -> None:
    """Enter opens a message and moves the focus to its heading. Tab then reaches its link."""
    email = new_email()
    send_text(stack, email, f"Open {LINK}.")
    go(page, "/mail")
    item(page, email).focus()
    press(page, "Enter")
    expect(opened(page).get_by_role("heading", name="Hello")).to_be_focused()
    press(page, "Tab")
    expect(opened(page).get_by_role("link", name=LINK)).to_be_focused()


def test_axe_finds_no_violation_and_a_phone_needs_no_horizontal_scrolling(
    page: Page, stack: LocalStack
) -> None:
    """A message with long words, and with all its parts open, passes axe and fits the screen."""
    email = new_email()
    long = "x" * 200
    send_text(stack, email, f"{LINK}{long} {long}", subject=long, html=f"<p>{long}</p>")
    page.set_viewport_size({"width": PHONE_WIDTH_PIXELS, "height": 740})
    go(page, f"/mail#message={messages(stack, email)[0]['id']}")
    for part in ("HTML source", "Header"):
        opened(page).get_by_text(part, exact=True).click()
    expect(opened(page).get_by_role("region", name="Header")).to_contain_text("Delivered-To")
    assert width(page) == PHONE_WIDTH_PIXELS
    assert not violations(page)
    page.emulate_media(color_scheme="dark")
    assert not violations(page, **ONLY_CONTRAST)
