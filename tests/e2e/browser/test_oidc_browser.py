"""Sign-in with a browser and a real identity provider, through the whole stack."""

import json
import re
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from lab.stack.processes.waiting import wait_until
from lab.stack.servers.provider import PERSON
from tests import chromium
from tests.e2e.local_stack import LocalStack

LOGIN = "/api/auth/oidc/local/login"
CSRF_TOKEN = re.compile(r'name="csrf_token" value="(.+?)"')


@pytest.fixture
def context(browser: Browser, stack: LocalStack) -> Iterator[BrowserContext]:
    """A new browser profile. A relative URL goes to the stack's HTTPS port."""
    origin = f"https://localhost:{stack.https_port}"
    # No browser trusts the stack's own certificate authority.
    with chromium.profile(browser, origin, ignore_https_errors=True) as context:
        yield context


def test_a_user_signs_in_with_a_browser(stack: LocalStack, context: BrowserContext) -> None:
    """The sign-in leads to the provider's pages and back, and creates an account and a session."""
    # check 19, check 22
    stack.wait_for_provider()
    requested: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    origin = _origin(stack)
    page = context.new_page()
    page.goto(f"{origin}{LOGIN}")
    _sign_in_at_the_provider(page)
    page.wait_for_url(f"{origin}/api/users/me")
    me = json.loads(page.locator("pre").inner_text())
    assert me == {**me, "name": PERSON.name, "email": PERSON.email, "role": "user"}
    (session,) = [cookie for cookie in context.cookies(origin) if "session" in cookie["name"]]
    assert session == {**session, "name": "__Host-session", "domain": "localhost", "path": "/",
                       "secure": True, "httpOnly": True, "sameSite": "Lax"}  # fmt: skip
    assert "__Host-oidc" not in {cookie["name"] for cookie in context.cookies()}
    assert page.evaluate("document.cookie") == ""
    # A second sign-in gets the same account. All requests stayed on this machine.
    page.goto(f"{origin}{LOGIN}")
    page.wait_for_url(f"{origin}/api/users/me")
    assert json.loads(page.locator("pre").inner_text())["id"] == me["id"]
    assert not [url for url in requested if not url.startswith((origin, "http://127.0.0.1:"))]


def test_a_callback_in_another_browser_is_refused(
    stack: LocalStack, context: BrowserContext
) -> None:
    """An attacker cannot sign in another person by sending that person a callback URL."""
    stack.wait_for_provider()
    origin = _origin(stack)
    page = context.new_page()
    page.route("**/callback?*", lambda route: route.abort())
    page.goto(f"{origin}{LOGIN}")
    with page.expect_request("**/callback?*") as callback:
        _sign_in_at_the_provider(page)
    path = callback.value.url.removeprefix(origin)
    response = stack.request("GET", path, https=True)
    assert (response.status, response.json()["code"]) == (403, "oidc-refused")  # check 22
    assert response.headers["Set-Cookie"] is None


@pytest.mark.slow
def test_sign_ins_that_were_not_completed_do_not_break_the_next_one(stack: LocalStack) -> None:
    """The next sign-in succeeds, although the provider still has codes that were never used."""
    stack.wait_for_provider()
    login = f"{_origin(stack)}{LOGIN}"
    with httpx2.Client(verify=stack.ssl_context()) as client:
        _fill_in_the_forms(client, _redirect(client, login))
        # Canaille's own query, which lab/provider.py replaces, would find the right code half the
        # time after a single such sign-in. So the test makes six.
        for _ in range(6):
            _redirect(client, _redirect(client, login))
        response = client.get(_redirect(client, _redirect(client, login)))
    assert response.status_code == 303, response.text
    assert response.headers["Location"] == "/api/users/me"


def _fill_in_the_forms(client: httpx2.Client, url: str) -> None:
    """Sign in at the provider, but do not send the provider's code to the service."""
    page = client.get(url, follow_redirects=True)
    for field in ({"login": PERSON.user_name}, {"password": PERSON.password}):
        (token,) = CSRF_TOKEN.findall(page.text)
        page = client.post(page.url, data={"csrf_token": token, **field})
        if "/oauth/" not in page.headers["Location"]:
            page = client.get(page.url.join(page.headers["Location"]))


def _redirect(client: httpx2.Client, url: str) -> str:
    """Send a GET, and return the URL of the redirect."""
    response = client.get(url)
    assert response.is_redirect, response.text
    return response.headers["Location"]


def _origin(stack: LocalStack) -> str:
    """Wait for the provider, which a previous test may have killed. Return the stack's origin."""
    assert wait_until(lambda: stack.request("GET", LOGIN, https=True).status == 303, timeout_s=20)
    return f"https://localhost:{stack.https_port}"


def _sign_in_at_the_provider(page: Page) -> None:
    page.fill("input[name=login]", PERSON.user_name)
    page.keyboard.press("Enter")
    password = page.locator("input[name=password]")
    expect(password).to_be_visible()
    password.fill(PERSON.password)
    password.press("Enter", no_wait_after=True)
