"""Sign-in with an identity provider that follows the protocol."""

import base64
import secrets
from functools import partial
from urllib.parse import parse_qs, quote_plus, urlsplit

import psycopg
import pytest

from tests.accounts import PASSWORD, new_email, sign_up
from tests.conftest import StartService
from tests.integration.browsers import OIDC, Browser
from tests.integration.hostile_provider import CLIENT_ID, CLIENT_SECRET, HostileProvider
from tests.integration.signed_in import FROM_HERE
from tests.integration.wire import at_once, problem
from tests.service import Service


@pytest.fixture(scope="module")
def service(start_service: StartService, provider: HostileProvider) -> Service:
    """A service whose users can sign in with the identity provider `provider`."""
    return start_service(**provider.settings)


def test_a_first_sign_in_creates_an_account_and_a_session(
    browser: Browser, provider: HostileProvider, service: Service
) -> None:
    """The authorization request has state, nonce and PKCE; the callback sets a session cookie."""
    url = browser.begin()
    parameters = {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}
    assert url.startswith(f"{provider.url}/authorize?")
    assert parameters["response_type"] == "code"
    assert parameters["scope"].split()[0] == "openid"
    assert parameters["client_id"] == CLIENT_ID
    assert parameters["redirect_uri"] == f"{service.url}{OIDC}/callback"
    assert parameters["code_challenge_method"] == "S256"  # check 22
    for secret in ("state", "nonce", "code_challenge"):
        assert len(parameters[secret]) == 43  # check 22
    email = new_email()
    response = browser.finish(provider.authorize(url, email=email.upper(), name=" Ines\n "))
    assert (response.status_code, response.headers["Location"]) == (303, "/api/users/me")
    assert response.headers["Cache-Control"] == "no-store"
    expected = {"name": "Ines", "email": email, "email_confirmed": True, "role": "user"}
    assert browser.me() == {**browser.me(), **expected}


def test_both_cookies_are_restricted_to_this_host(
    browser: Browser, provider: HostileProvider
) -> None:
    """No script and no plain HTTP request gets the cookie of a flow or of a session.

    The cookie of a flow is deleted with the flow.
    """
    url = browser.begin()
    flow = browser.cookies["__Host-oidc"]
    assert int(flow["max-age"]) == 600
    browser.finish(provider.authorize(url))
    assert set(browser.cookies) == {"__Host-session"}
    for cookie in (flow, browser.cookies["__Host-session"]):
        assert (cookie["secure"], cookie["httponly"]) == (True, True)  # check 19
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")
        assert len(cookie.value) == 43  # check 18


def test_the_service_authenticates_to_the_provider(
    browser: Browser, provider: HostileProvider
) -> None:
    """The Authorization header has the client secret, encoded as in RFC 6749, section 2.3.1."""
    browser.sign_in(provider)
    pair = f"{CLIENT_ID}:{quote_plus(CLIENT_SECRET)}".encode()
    sent = [authorization for authorization in provider.authorizations if authorization]
    assert sent
    assert set(sent) == {f"Basic {base64.b64encode(pair).decode()}"}


def test_an_identity_is_issuer_and_subject_and_not_the_email(
    service: Service, provider: HostileProvider
) -> None:
    """An identity keeps its account after a change of email. The old email gives no access."""
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
    """The sign-in gets 409. Only the account's owner, while signed in, can link the identity."""
    owner = sign_up(service.client)
    problem(browser.sign_in(provider, email=owner.email), 409, "link-required")  # check 22
    assert _identities(database, owner.id) == 0


@pytest.mark.parametrize(
    "claims",
    [{"email_verified": False}, {"email_verified": None}, {"email": None}, {"email": "nobody"},
     {"email_verified": "false"}, {"email_verified": 1}, {"email": ["a@example.com"]}],
)  # fmt: skip
def test_a_new_account_needs_an_email_that_the_provider_has_verified(
    browser: Browser, provider: HostileProvider, claims: dict[str, object]
) -> None:
    """An account with an unverified email could belong to an attacker who knows the email."""
    problem(browser.sign_in(provider, **claims), 403, "email-unverified")
    assert "__Host-session" not in browser.cookies


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("  Zoë  ", "Zoë"),
        ("Zoë\u202e\x00Admin", "Zoë  Admin"),
        ("x" * 300, "x" * 100),
        (None, "local.part"),
        ("\u200b\n", "local.part"),
        (["Zoë"], "local.part"),
    ],
)
def test_the_name_from_the_provider_is_made_valid(
    browser: Browser, provider: HostileProvider, claim: object, expected: str
) -> None:
    """Users choose their name freely at the provider, so it may break the rules of this service."""
    email = f"local.part@{secrets.token_hex(8)}.example.com"
    browser.sign_in(provider, name=claim, email=email)
    assert browser.me()["name"] == expected


def test_concurrent_first_sign_ins_create_one_account(
    service: Service, provider: HostileProvider
) -> None:
    """The other sign-ins find the account that the first sign-in has created."""
    subject, email = secrets.token_hex(8), new_email()
    browsers = [Browser(service.client) for _ in range(5)]
    callbacks = [provider.authorize(browser.begin()) for browser in browsers]
    provider.claims = {"sub": subject, "email": email}
    ends = at_once(
        partial(browser.finish, parameters)
        for browser, parameters in zip(browsers, callbacks, strict=True)
    )
    assert [end.status_code for end in ends] == [303] * 5, [end.text for end in ends]
    assert len({browser.me()["id"] for browser in browsers}) == 1


@pytest.mark.parametrize("path", ["/", "/docs", "/api/users/me?x=1&y=%2F", "/a//b"])
def test_a_sign_in_redirects_to_return_to(
    browser: Browser, provider: HostileProvider, path: str
) -> None:
    """`return_to` is a path on this server. The redirect goes to exactly this path."""
    response = browser.finish(provider.authorize(browser.begin(path)))
    assert response.headers["Location"] == path


@pytest.mark.parametrize(
    "path",
    ["", "x", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil.example",
     "/\n", "/ä", "/a b", "javascript:alert(1)", "/" + "a" * 2000],
)  # fmt: skip
def test_a_sign_in_never_redirects_to_another_site(browser: Browser, path: str) -> None:
    """An invalid `return_to` gets 422, and the problem does not repeat its value."""
    response = browser.request("GET", f"{OIDC}/login", params={"return_to": path})
    (error,) = problem(response, 422, "invalid-content")["errors"]
    assert error["parameter"] == "return_to"
    assert "evil" not in response.text
    assert not browser.cookies


def test_an_unknown_provider_gets_404(browser: Browser, service: Service) -> None:
    """Login and callback with an unknown provider get 404. A signed-in user's link gets 404 too."""
    account = sign_up(service.client)
    for name in ("google", "TEST", "%2e%2e"):
        problem(browser.request("GET", f"/api/auth/oidc/{name}/login"), 404, "not-found")
        problem(browser.request("GET", f"/api/auth/oidc/{name}/callback"), 404, "not-found")
        link = browser.request("POST", f"/api/auth/oidc/{name}/link", headers=account.auth)
        problem(link, 404, "not-found")


def test_a_declined_sign_in_does_not_show_the_error_of_the_provider(
    browser: Browser, provider: HostileProvider
) -> None:
    """An attacker could write any text into the callback URL, so the problem repeats none of it."""
    parameters = provider.authorize(browser.begin())
    declined = {
        "state": parameters["state"],
        "error": "canary_error",
        "error_description": "Call Canary",
    }
    response = browser.finish(declined)
    problem(response, 403, "sign-in-declined")
    assert "canary" not in response.text.lower()
    problem(browser.finish(parameters), 403, "oidc-refused")


def test_a_sign_in_replaces_the_previous_session(
    service: Service, provider: HostileProvider
) -> None:
    """A thief of the previous session's cookie loses access."""
    browser, thief = Browser(service.client), Browser(service.client)
    browser.sign_in(provider)
    thief.cookies = {"__Host-session": browser.cookies["__Host-session"]}
    browser.sign_in(provider)
    assert thief.cookies["__Host-session"].value != browser.cookies["__Host-session"].value
    problem(thief.request("GET", "/api/users/me"), 401, "invalid-session")  # check 18


def test_a_login_to_an_account_without_a_password_always_fails(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """The problem is the same as for an unknown user. The password cannot be changed either."""
    browser.sign_in(provider)
    responses = [
        service.client.post("/api/auth/login", json={"email": email, "password": password})
        for email in (browser.me()["email"], new_email())
        for password in (PASSWORD, "")
    ]
    for response in responses:
        problem(response, 401, "bad-credentials")  # check 6
    change = {"current_password": "", "new_password": PASSWORD}
    path = f"/api/users/{browser.me()['id']}/password"
    problem(browser.request("PUT", path, json=change, headers=FROM_HERE), 403, "wrong-password")


def test_a_disabled_account_cannot_be_signed_in_to(
    service: Service, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """The sign-in gets 403 although the provider accepts the user, and starts no session."""
    subject, first, again = secrets.token_hex(8), Browser(service.client), Browser(service.client)
    first.sign_in(provider, sub=subject)
    database.execute("UPDATE users SET disabled_at = now() WHERE id = %s", [first.me()["id"]])
    problem(again.sign_in(provider, sub=subject), 403, "account-disabled")
    assert "__Host-session" not in again.cookies


def test_the_identities_of_an_erased_account_are_deleted(
    browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """If the same identity signs in afterwards, it gets a new account."""
    subject, email = secrets.token_hex(8), new_email()
    browser.sign_in(provider, sub=subject, email=email)
    first = browser.me()["id"]
    headers = {"If-Match": "*", **FROM_HERE}
    assert browser.request("DELETE", f"/api/users/{first}", headers=headers).status_code == 204
    assert _identities(database, first) == 0
    browser.sign_in(provider, sub=subject, email=email)
    assert browser.me()["id"] != first


def _identities(database: psycopg.Connection, user_id: int) -> int:
    return database.execute("SELECT FROM identities WHERE user_id = %s", [user_id]).rowcount


def test_the_login_rate_limit_applies_to_every_step(
    start_service: StartService, provider: HostileProvider
) -> None:
    """The limit also applies to the callback, which is not in the OpenAPI document."""
    client = start_service(RATE_LIMIT_LOGIN="1/hour", **provider.settings).client
    assert client.get(f"{OIDC}/login").status_code == 303
    problem(client.get(f"{OIDC}/login"), 429, "too-many-requests")
    problem(client.get(f"{OIDC}/callback"), 429, "too-many-requests")
    problem(client.post(f"{OIDC}/link"), 429, "too-many-requests")
