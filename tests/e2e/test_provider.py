"""The identity provider of the local stack."""

import re

import httpx2
import pytest

from lab.stack.servers.provider import PERSON
from tests.e2e.local_stack import LocalStack

LOGIN = "/api/auth/oidc/local/login"
TOKEN = re.compile(r'name="csrf_token" value="(.+?)"')


@pytest.mark.slow
def test_sign_ins_that_were_not_completed_do_not_break_the_next_one(stack: LocalStack) -> None:
    """The provider still has codes that the browser never sent to the service."""
    stack.wait_for_provider()
    with httpx2.Client(verify=stack.ssl_context()) as browser:
        sign_in_at_the_provider(browser, stack)
        # After only one such sign-in, Canaille's own query would find the right code half the time.
        for _ in range(6):
            return_url(browser, stack)
        response = browser.get(return_url(browser, stack))
    assert response.status_code == 303, response.text
    assert response.headers["Location"] == "/api/users/me"


def sign_in_at_the_provider(browser: httpx2.Client, stack: LocalStack) -> None:
    """Fill in the two forms of the provider."""
    page = browser.get(authorization_url(browser, stack), follow_redirects=True)
    for field in ({"login": PERSON.user_name}, {"password": PERSON.password}):
        (token,) = TOKEN.findall(page.text)
        page = browser.post(page.url, data={"csrf_token": token, **field})
        if "/oauth/" not in page.headers["Location"]:
            page = browser.get(page.url.join(page.headers["Location"]))


def return_url(browser: httpx2.Client, stack: LocalStack) -> str:
    """Begin a sign-in, and return the URL to which the provider redirects the browser."""
    return redirect(browser, authorization_url(browser, stack))


def authorization_url(browser: httpx2.Client, stack: LocalStack) -> str:
    """Begin a sign-in, and return the URL to which the service redirects the browser."""
    return redirect(browser, f"https://localhost:{stack.https_port}{LOGIN}")


def redirect(browser: httpx2.Client, url: str) -> str:
    """Send a GET, and return the URL of the redirect."""
    response = browser.get(url)
    assert response.is_redirect, response.text
    return response.headers["Location"]
