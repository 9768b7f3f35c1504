"""The lab's page: signing up, and the list of requests as they happen."""

import re

import pytest
from playwright.sync_api import Page

from tests.page.reading import expect, go, requests, sign_up, stage
from tests.page.recordings import products, signup
from tests.page.stand_in import SHORT, TAKEN, StandIn


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
