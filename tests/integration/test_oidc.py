"""Signing in at an identity provider that keeps to the rules, and linking an identity."""

import base64
import secrets
from collections.abc import Iterator
from functools import partial
from urllib.parse import parse_qs, quote_plus, urlsplit

import httpx2
import psycopg
import pytest

from tests.accounts import PASSWORD, new_email, sign_up
from tests.conftest import StartService
from tests.integration.browsers import OIDC, Browser
from tests.integration.hostile_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    HostileProvider,
    hostile_provider,
)
from tests.integration.wire import at_once, problem
from tests.service import Service


@pytest.fixture(scope="module")
def provider() -> Iterator[HostileProvider]:
    """An identity provider."""
    with hostile_provider() as provider:
        yield provider


@pytest.fixture(scope="module")
def service(start_service: StartService, provider: HostileProvider) -> Service:
    """A service whose users may sign in there."""
    return start_service(
        **provider.settings,
    )


@pytest.fixture
def browser(service: Service) -> Browser:
    """A browser that has not been here before."""
    return Browser(service.client)


def test_a_first_sign_in_opens_an_account_and_a_session(
    browser: Browser, provider: HostileProvider, service: Service
) -> None:
    """The question has all that makes the answer safe; the answer ends in a cookie session."""
    url = browser.begin()
    asked = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{provider.url}/authorize?")
    assert asked["response_type"] == "code"
    assert asked["scope"].split()[0] == "openid"
    assert asked["client_id"] == CLIENT_ID
    assert asked["redirect_uri"] == f"{service.url}{OIDC}/callback"
    assert asked["code_challenge_method"] == "S256"  # check 22
    for secret in ("state", "nonce", "code_challenge"):
        assert len(asked[secret]) == 43  # check 22
    email = new_email()
    response = browser.finish(provider.authorize(url, email=email.upper(), name=" Ines\n "))
    assert (response.status_code, response.headers["Location"]) == (303, "/api/users/me")
    assert response.headers["Cache-Control"] == "no-store"
    assert browser.me() == {**browser.me(), "name": "Ines", "email": email, "role": "user"}


def test_the_cookies_keep_to_their_host(browser: Browser, provider: HostileProvider) -> None:
    """Both of them: no script, no other host, no plain HTTP; the flow's ends with the flow."""
    url = browser.begin()
    flow = browser.cookies["__Host-oidc"]
    assert int(flow["max-age"]) == 600
    browser.finish(provider.authorize(url))
    assert set(browser.cookies) == {"__Host-session"}
    for cookie in (flow, browser.cookies["__Host-session"]):
        assert (cookie["secure"], cookie["httponly"]) == (True, True)  # check 19
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
        assert len(cookie.value) == 43  # check 18


def test_the_service_proves_to_the_provider_who_it_is(
    browser: Browser, provider: HostileProvider
) -> None:
    """With its secret in a header, escaped as RFC 6749, section 2.3.1, has it; or in the form."""
    browser.sign_in(provider)
    pair = f"{CLIENT_ID}:{quote_plus(CLIENT_SECRET)}".encode()
    sent = [authorization for authorization in provider.authorizations if authorization]
    assert sent
    assert set(sent) == {f"Basic {base64.b64encode(pair).decode()}"}


def test_an_identity_is_issuer_and_subject_whatever_its_email(
    service: Service, provider: HostileProvider
) -> None:
    """A new address at the provider changes nothing; an old one in other hands opens nothing."""
    subject, email = secrets.token_hex(8), new_email()
    first, again, other = (Browser(service.client) for _ in range(3))
    first.sign_in(provider, sub=subject, email=email)
    again.sign_in(provider, sub=subject, email=new_email())
    assert again.me() == first.me()  # check 22
    unverified = Browser(service.client)
    assert unverified.sign_in(provider, sub=subject, email_verified=False).status_code == 303
    problem(other.sign_in(provider, email=email), 409, "link-required")  # check 22
    assert "__Host-session" not in other.cookies


def test_an_account_with_a_password_is_never_linked_by_its_email(
    service: Service, browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """Only its owner links it, signed in."""
    owner = sign_up(service.client)
    problem(browser.sign_in(provider, email=owner.email), 409, "link-required")  # check 22
    assert _identities(database, owner.id) == 0


@pytest.mark.parametrize(
    "claims",
    [{"email_verified": False}, {"email_verified": None}, {"email": None}, {"email": "nobody"},
     {"email_verified": "false"}, {"email_verified": 1}, {"email": ["a@example.com"]}],
)  # fmt: skip
def test_a_new_account_needs_an_email_that_the_provider_vouches_for(
    browser: Browser, provider: HostileProvider, claims: dict[str, object]
) -> None:
    """Else anybody could open an account in somebody's name."""
    problem(browser.sign_in(provider, **claims), 403, "email-unverified")
    assert "__Host-session" not in browser.cookies


@pytest.mark.parametrize(
    ("claimed", "kept"),
    [
        ("  Zoë  ", "Zoë"),
        ("Zoë\u202e\x00Admin", "Zoë  Admin"),
        ("x" * 300, "x" * 100),
        (None, "local.part"),
        ("\u200b\n", "local.part"),
        (["Zoë"], "local.part"),
    ],
)
def test_a_name_is_made_to_fit(
    browser: Browser, provider: HostileProvider, claimed: object, kept: str
) -> None:
    """What stands in the claims is somebody's own doing, and keeps to our rules in the end."""
    email = f"local.part@{secrets.token_hex(8)}.example.com"
    browser.sign_in(provider, name=claimed, email=email)
    assert browser.me()["name"] == kept


def test_two_first_sign_ins_at_once_open_one_account(
    service: Service, provider: HostileProvider
) -> None:
    """The second finds what the first has made."""
    subject, email = secrets.token_hex(8), new_email()
    browsers = [Browser(service.client) for _ in range(5)]
    brought = [provider.authorize(browser.begin()) for browser in browsers]
    provider.claims = {"sub": subject, "email": email}
    ends = at_once(
        partial(browser.finish, back) for browser, back in zip(browsers, brought, strict=True)
    )
    assert [end.status_code for end in ends] == [303] * 5, [end.text for end in ends]
    assert len({browser.me()["id"] for browser in browsers}) == 1


@pytest.mark.parametrize("path", ["/", "/docs", "/api/users/me?x=1&y=%2F", "/a//b"])
def test_a_browser_goes_on_to_where_it_wanted(
    browser: Browser, provider: HostileProvider, path: str
) -> None:
    """A path on this server, as it was asked for."""
    response = browser.finish(provider.authorize(browser.begin(path)))
    assert response.headers["Location"] == path


@pytest.mark.parametrize(
    "path",
    ["", "x", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example",
     "/\n", "/ä", "/a b", "javascript:alert(1)", "/" + "a" * 2000],
)  # fmt: skip
def test_no_browser_is_led_to_another_site(browser: Browser, path: str) -> None:
    """Neither by a sign-in nor by a link; what was sent is not repeated."""
    response = browser.request("GET", f"{OIDC}/login", params={"return_to": path})
    (error,) = problem(response, 422, "invalid-content")["errors"]
    assert error["parameter"] == "return_to"
    assert "evil" not in response.text
    assert not browser.cookies


def test_a_provider_that_is_not_configured_is_not_found(browser: Browser, service: Service) -> None:
    """On each of its routes, whoever asks."""
    account = sign_up(service.client)
    for name in ("google", "TEST", "%2e%2e"):
        problem(browser.request("GET", f"/api/auth/oidc/{name}/login"), 404, "not-found")
        problem(browser.request("GET", f"/api/auth/oidc/{name}/callback"), 404, "not-found")
        link = browser.request("POST", f"/api/auth/oidc/{name}/link", headers=account.auth)
        problem(link, 404, "not-found")


def test_a_declined_sign_in_is_told_in_our_own_words(
    browser: Browser, provider: HostileProvider
) -> None:
    """What the provider writes into the URL is not shown to anybody."""
    back = provider.authorize(browser.begin())
    declined = {"state": back["state"], "error": "canary_error", "error_description": "Call Canary"}
    response = browser.finish(declined)
    problem(response, 403, "sign-in-declined")
    assert "canary" not in response.text.lower()
    problem(browser.finish(back), 403, "oidc-refused")


def test_a_new_session_takes_the_place_of_the_one_before(
    service: Service, provider: HostileProvider
) -> None:
    """Whoever knew the cookie before the sign-in knows nothing after it."""
    browser, thief = Browser(service.client), Browser(service.client)
    browser.sign_in(provider)
    thief.cookies = {"__Host-session": browser.cookies["__Host-session"]}
    browser.sign_in(provider)
    assert thief.cookies["__Host-session"].value != browser.cookies["__Host-session"].value
    problem(thief.request("GET", "/api/users/me"), 401, "invalid-session")  # check 18


def test_without_a_password_every_password_is_wrong(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """The answer is the one that an unknown user gets."""
    browser.sign_in(provider)
    answers = [
        service.client.post("/api/auth/login", json={"email": email, "password": password})
        for email in (browser.me()["email"], new_email())
        for password in (PASSWORD, "")
    ]
    for answer in answers:
        problem(answer, 401, "bad-credentials")  # check 6
    change = {"current_password": "", "new_password": PASSWORD}
    own = {"Sec-Fetch-Site": "same-origin"}
    path = f"/api/users/{browser.me()['id']}/password"
    problem(browser.request("PUT", path, json=change, headers=own), 403, "wrong-password")


def test_an_erased_account_leaves_no_identity_behind(
    browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """The same person may come back, as somebody new."""
    subject, email = secrets.token_hex(8), new_email()
    browser.sign_in(provider, sub=subject, email=email)
    first = browser.me()["id"]
    headers = {"If-Match": "*", "Sec-Fetch-Site": "same-origin"}
    assert browser.request("DELETE", f"/api/users/{first}", headers=headers).status_code == 204
    assert _identities(database, first) == 0
    browser.sign_in(provider, sub=subject, email=email)
    assert browser.me()["id"] != first


def _identities(database: psycopg.Connection, user_id: int) -> int:
    query = "SELECT count(*) FROM identities WHERE user_id = %s"
    row = database.execute(query, [user_id]).fetchone()
    assert row is not None
    return int(row[0])


def test_the_limit_of_logins_holds_for_every_step(
    start_service: StartService, provider: HostileProvider
) -> None:
    """The callback's too, which no document lists."""
    service = start_service(
        RATE_LIMIT_LOGIN="1/hour",
        **provider.settings,
    )
    client: httpx2.Client = service.client
    assert client.get(f"{OIDC}/login").status_code == 303
    problem(client.get(f"{OIDC}/login"), 429, "too-many-requests")
    problem(client.get(f"{OIDC}/callback"), 429, "too-many-requests")
    problem(client.post(f"{OIDC}/link"), 429, "too-many-requests")
