"""Links of identities to accounts: only the signed-in owner can create them."""

import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from tests.accounts import sign_up
from tests.conftest import StartService
from tests.integration.browsers import OIDC, Browser
from tests.integration.hostile_provider import HostileProvider
from tests.integration.signed_in import FROM_HERE
from tests.integration.wire import problem, text_with
from tests.mailbox import running_worker
from tests.service import TIMEOUT_SECONDS, Service


@pytest.fixture(scope="module")
def service(start_service: StartService, provider: HostileProvider) -> Service:
    """A service whose users can sign in with the identity provider `provider`."""
    return start_service(**provider.settings)


@pytest.fixture
def worker_log(defaults: Mapping[str, str], tmp_path: Path) -> Iterator[Path]:
    """The log of a worker that deletes expired rows each second."""
    log = tmp_path / "worker"
    with running_worker(log, {**defaults, "SWEEP_SCHEDULE": "* * * * * *"}):
        yield log


def test_an_owner_can_link_several_identities(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """The emails of the identities do not matter. Each identity can then sign in to the account."""
    owner = sign_up(service.client)
    for _ in range(2):
        subject = secrets.token_hex(8)
        parameters = provider.authorize(
            browser.begin_link(owner), sub=subject, email_verified=False
        )
        response = browser.finish(parameters)
        assert (response.status_code, response.headers["Location"]) == (303, "/api/users/me")
        assert "__Host-session" not in browser.cookies
        later = Browser(service.client)
        later.sign_in(provider, sub=subject)
        assert later.me()["id"] == owner.id


def test_a_password_reset_removes_linked_identities(
    service: Service, browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """An attacker may have linked these identities, so they no longer give access."""
    # check 41
    owner, subject, token = sign_up(service.client), secrets.token_hex(8), secrets.token_urlsafe()
    browser.finish(provider.authorize(browser.begin_link(owner), sub=subject))
    service.client.post("/api/auth/password-reset", json={"email": owner.email})
    # No worker sends the message, so the test makes the link.
    database.execute(
        "INSERT INTO links (token_hash, message_id, expires_at)"
        " SELECT sha256(%s), id, now() + interval '1 minute' FROM messages"
        " WHERE user_id = %s AND kind = 'reset-password'",
        [token.encode(), owner.id],
    )
    reset = {"token": token, "new_password": "another long password"}
    assert service.client.put("/api/auth/password-reset", json=reset).status_code == 204
    later = Browser(service.client)
    later.sign_in(provider, sub=subject)
    assert later.me()["id"] != owner.id


def test_linking_an_identity_again_succeeds(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """An identity that is already linked to an account can be linked to it again."""
    owner, subject = sign_up(service.client), secrets.token_hex(8)
    for _ in range(2):
        parameters = provider.authorize(browser.begin_link(owner), sub=subject)
        assert browser.finish(parameters).status_code == 303


def test_an_identity_of_one_account_cannot_be_linked_to_another(
    service: Service, browser: Browser, provider: HostileProvider
) -> None:
    """The identity stays with the first account."""
    subject = secrets.token_hex(8)
    first, second = sign_up(service.client), sign_up(service.client)
    browser.finish(provider.authorize(browser.begin_link(first), sub=subject))
    parameters = provider.authorize(browser.begin_link(second), sub=subject)
    problem(browser.finish(parameters), 409, "identity-taken")
    browser.sign_in(provider, sub=subject)
    assert browser.me()["id"] == first.id


def test_only_the_browser_that_started_a_link_can_finish_it(
    service: Service, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """The callback of a link is refused in the browser of another person."""
    owner = sign_up(service.client)
    attacker, victim = Browser(service.client), Browser(service.client)
    parameters = provider.authorize(attacker.begin_link(owner))
    problem(victim.finish(parameters), 403, "oidc-refused")  # check 22
    victim.begin()
    problem(victim.finish(parameters), 403, "oidc-refused")  # check 22
    assert _identities(database, owner.id) == 0


def test_a_link_is_refused_after_the_session_has_ended(
    service: Service, browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """The session that started the link must be live at the callback."""
    owner = sign_up(service.client)
    parameters = provider.authorize(browser.begin_link(owner))
    assert service.client.post("/api/auth/logout", headers=owner.auth).status_code == 204
    problem(browser.finish(parameters), 403, "oidc-refused")
    expired = sign_up(service.client)
    parameters = provider.authorize(browser.begin_link(expired))
    database.execute("UPDATE sessions SET expires_at = now() WHERE user_id = %s", [expired.id])
    problem(browser.finish(parameters), 403, "oidc-refused")
    assert _identities(database, owner.id) == _identities(database, expired.id) == 0


def test_a_link_cannot_be_started_from_another_site(
    browser: Browser, provider: HostileProvider
) -> None:
    """A GET, a request from another site and a request without a session are refused."""
    problem(browser.request("POST", f"{OIDC}/link"), 401, "unauthenticated")
    browser.sign_in(provider)
    assert browser.request("GET", f"{OIDC}/link").status_code == 405
    cross_site = {"Sec-Fetch-Site": "cross-site"}
    problem(
        browser.request("POST", f"{OIDC}/link", headers=cross_site), 403, "cross-site"
    )  # check 20
    assert browser.request("POST", f"{OIDC}/link", headers=FROM_HERE).status_code == 200


def test_an_expired_flow_is_refused_and_deleted(
    browser: Browser, provider: HostileProvider, database: psycopg.Connection, worker_log: Path
) -> None:
    """A flow expires after ten minutes. A worker deletes it."""
    text_with(worker_log, "swept", timeout_seconds=TIMEOUT_SECONDS)
    parameters = provider.authorize(browser.begin())
    query = "SELECT extract(epoch FROM max(expires_at) - now()) FROM oidc_flows"
    (row,) = database.execute(query)
    assert 590 < row[0] <= 600
    expired_count = database.execute("UPDATE oidc_flows SET expires_at = now()").rowcount
    problem(browser.finish(parameters), 403, "oidc-refused")
    text_with(worker_log, f'"oidc_flows":{expired_count}')
    assert database.execute("SELECT count(*) FROM oidc_flows").fetchone() == (0,)


def _identities(database: psycopg.Connection, user_id: int) -> int:
    return database.execute("SELECT FROM identities WHERE user_id = %s", [user_id]).rowcount


def test_a_session_has_at_most_ten_pending_links(
    service: Service, browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """A further link replaces the oldest pending link. The newest link can be finished."""
    owner = sign_up(service.client)
    address = browser.begin_link(owner)
    flows = "SELECT state_hash FROM oidc_flows WHERE user_id = %s"
    oldest = database.execute(flows, [owner.id]).fetchall()
    for _ in range(10):
        address = browser.begin_link(owner)
    remaining = database.execute(flows, [owner.id]).fetchall()
    assert len(remaining) == 10  # check 53
    assert oldest[0] not in remaining
    parameters = provider.authorize(address, sub=secrets.token_hex(8), email_verified=False)
    assert browser.finish(parameters).status_code == 303


def test_a_sign_in_beyond_the_maximum_of_sessions_ends_one_at_once(
    service: Service, browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """The ended session is refused even by a process that has just checked it."""
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
