"""Linking an identity to an account: only its signed-in owner does that."""

import secrets
from collections.abc import Iterator

import psycopg
import pytest

from tests.accounts import sign_up
from tests.conftest import StartService
from tests.integration.browsers import OIDC, Browser
from tests.integration.hostile_provider import (
    HostileProvider,
    hostile_provider,
)
from tests.integration.wire import log_with, problem
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
        SWEEP_INTERVAL="0.2",
    )


@pytest.fixture
def browser(service: Service) -> Browser:
    """A browser that has not been here before."""
    return Browser(service.client)


def test_the_owner_of_an_account_links_identities_to_it(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """Several, whatever their email; each signs in to the account from then on."""
    owner = sign_up(service.client)
    for _ in range(2):
        subject = secrets.token_hex(8)
        back = provider.authorize(browser.begin_link(owner), sub=subject, email_verified=False)
        response = browser.finish(back)
        assert (response.status_code, response.headers["Location"]) == (303, "/api/users/me")
        assert "__Host-session" not in browser.cookies
        later = Browser(service.client)
        later.sign_in(provider, sub=subject)
        assert later.me()["id"] == owner.id


def test_linking_once_more_changes_nothing(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """The same identity, the same account."""
    owner, subject = sign_up(service.client), secrets.token_hex(8)
    for _ in range(2):
        back = provider.authorize(browser.begin_link(owner), sub=subject)
        assert browser.finish(back).status_code == 303


def test_the_identity_of_one_account_is_not_linked_to_another(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """Nor taken from it."""
    subject = secrets.token_hex(8)
    first, second = sign_up(service.client), sign_up(service.client)
    browser.finish(provider.authorize(browser.begin_link(first), sub=subject))
    back = provider.authorize(browser.begin_link(second), sub=subject)
    problem(browser.finish(back), 409, "identity-taken")
    browser.sign_in(provider, sub=subject)
    assert browser.me()["id"] == first.id


def test_only_the_browser_that_asked_links(
    service: Service, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """An attacker who sends a victim the end of a link of their own gains nothing, nor loses."""
    owner = sign_up(service.client)
    asking, victim = Browser(service.client), Browser(service.client)
    back = provider.authorize(asking.begin_link(owner))
    problem(victim.finish(back), 403, "oidc-refused")  # check 22
    victim.begin()
    problem(victim.finish(back), 403, "oidc-refused")  # check 22
    assert _identities(database, owner.id) == 0


def test_who_has_logged_out_meanwhile_links_nothing(
    service: Service, browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """The session that asked must be live when the answer comes."""
    owner = sign_up(service.client)
    back = provider.authorize(browser.begin_link(owner))
    assert service.client.post("/api/auth/logout", headers=owner.auth).status_code == 204
    problem(browser.finish(back), 403, "oidc-refused")
    expired = sign_up(service.client)
    back = provider.authorize(browser.begin_link(expired))
    database.execute("UPDATE sessions SET expires_at = now() WHERE user_id = %s", [expired.id])
    problem(browser.finish(back), 403, "oidc-refused")
    assert _identities(database, owner.id) == _identities(database, expired.id) == 0


def test_nobody_else_can_make_a_browser_link(browser: Browser, provider: HostileProvider) -> None:
    """A GET does not begin it; nor does a POST from another site, nor one of a stranger."""
    problem(browser.request("POST", f"{OIDC}/link"), 401, "unauthenticated")
    browser.sign_in(provider)
    assert browser.request("GET", f"{OIDC}/link").status_code == 405
    foreign = {"Sec-Fetch-Site": "cross-site"}
    problem(browser.request("POST", f"{OIDC}/link", headers=foreign), 403, "cross-site")  # check 20
    own = {"Sec-Fetch-Site": "same-origin"}
    assert browser.request("POST", f"{OIDC}/link", headers=own).status_code == 200


def test_what_is_not_finished_in_time_is_refused_and_swept(
    service: Service, browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """Ten minutes; what is left lying is deleted."""
    back = provider.authorize(browser.begin())
    query = "SELECT extract(epoch FROM max(expires_at) - now()) FROM oidc_flows"
    row = database.execute(query).fetchone()
    assert row is not None
    assert 590 < row[0] <= 600
    begun = database.execute("UPDATE oidc_flows SET expires_at = now()").rowcount
    problem(browser.finish(back), 403, "oidc-refused")
    log_with(service, f'"oidc_flows":{begun}')
    assert database.execute("SELECT count(*) FROM oidc_flows").fetchone() == (0,)


def _identities(database: psycopg.Connection, user_id: int) -> int:
    query = "SELECT count(*) FROM identities WHERE user_id = %s"
    row = database.execute(query, [user_id]).fetchone()
    assert row is not None
    return int(row[0])


def test_a_session_has_at_most_ten_links_that_it_has_begun(
    service: Service, browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """One more takes the place of the oldest; the newest can be finished."""
    owner = sign_up(service.client)
    address = browser.begin_link(owner)
    flows = "SELECT state_hash FROM oidc_flows WHERE user_id = %s"
    oldest = database.execute(flows, [owner.id]).fetchall()
    for _ in range(10):
        address = browser.begin_link(owner)
    kept = database.execute(flows, [owner.id]).fetchall()
    assert len(kept) == 10  # check 53
    assert oldest[0] not in kept
    back = provider.authorize(address, sub=secrets.token_hex(8), email_verified=False)
    assert browser.finish(back).status_code == 303


def test_a_sign_in_beyond_the_most_sessions_ends_one_at_once(
    service: Service, browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """Also in a process that has just seen that session."""
    subject = secrets.token_hex(8)
    browser.sign_in(provider, sub=subject, email=f"{subject}@example.com")
    owner = browser.me()["id"]
    database.execute(
        "INSERT INTO sessions (user_id, cookie_hash, expires_at) SELECT %s, "
        "sha256((%s || n)::bytea), now() + interval '1 h' FROM generate_series(1, 99) n",
        [owner, subject],
    )
    database.execute(
        "UPDATE sessions SET last_used_at = now() - interval '30 s' WHERE id = "
        "(SELECT min(id) FROM sessions WHERE user_id = %s)",
        [owner],
    )
    assert browser.me()["id"] == owner
    other = Browser(service.client)
    other.sign_in(provider, sub=subject, email=f"{subject}@example.com")
    assert browser.request("GET", "/api/users/me").status_code == 401
    assert other.me()["id"] == owner
