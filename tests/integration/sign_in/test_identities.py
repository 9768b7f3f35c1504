"""OpenID Connect identities of an account: only the owner can list, link and remove them."""

import secrets
from dataclasses import replace
from functools import partial
from typing import Any

import httpx2
import psycopg
import pytest

from tests.accounts import PASSWORD, Account, log_in, new_admin, notices, sign_up
from tests.conftest import StartService
from tests.integration.browsers import OIDC, Browser
from tests.integration.hostile_provider import HostileProvider
from tests.integration.signed_in import FROM_HERE, bearer
from tests.integration.wire import at_once, pointers, problem, statuses
from tests.service import Service

NEW_PASSWORD = "four small yellow tables"
_AGE_SESSIONS = "UPDATE sessions SET created_at = now() - interval '5 minutes' WHERE user_id = %s"


@pytest.fixture(scope="module")
def service(start_service: StartService, provider: HostileProvider) -> Service:
    """A service whose users can sign in with the provider of this module."""
    return start_service(**provider.settings)


@pytest.fixture
def owner(service: Service) -> Account:
    """A user with a password."""
    return sign_up(service.client)


def _link(browser: Browser, owner: Account, provider: HostileProvider) -> str:
    """Link a new identity, and return its subject."""
    subject = secrets.token_hex(8)
    back = provider.authorize(browser.begin_link(owner), sub=subject)
    assert browser.finish(back).status_code == 303
    return subject


def _identities(service: Service, owner: Account) -> list[dict[str, object]]:
    response = service.client.get(f"{owner.url}/identities", headers=owner.auth)
    assert response.status_code == 200, response.text
    items: list[dict[str, object]] = response.json()["items"]
    return items


def _begin_link(service: Service, owner: Account, **body: str) -> httpx2.Response:
    return service.client.post(f"{OIDC}/link", headers=owner.auth, json=body)


def _set_password(browser: Browser, **body: str) -> tuple[httpx2.Response, dict[str, Any]]:
    user = browser.me()
    path = f"/api/users/{user['id']}/password"
    return browser.request("PUT", path, json=body, headers=FROM_HERE), user


def test_the_owner_sees_and_removes_linked_identities(
    service: Service,
    browser: Browser,
    owner: Account,
    provider: HostileProvider,
    database: psycopg.Connection,
) -> None:
    """An identity has its provider and the times of its link and its last use.

    A removed identity is not listed, and cannot be removed again. The owner gets one notice of the
    removal, which names the provider.
    """
    subject = _link(browser, owner, provider)
    (identity,) = _identities(service, owner)
    assert set(identity) == {"id", "provider", "linked_at", "last_used_at"}  # check 27
    assert (identity["provider"], identity["last_used_at"]) == ("test", None)
    Browser(service.client).sign_in(provider, sub=subject)
    (used,) = _identities(service, owner)
    assert str(used["last_used_at"]) > str(used["linked_at"])
    path = f"{owner.url}/identities/{identity['id']}"
    removed = service.client.delete(path, headers=owner.auth)
    assert removed.status_code == 204
    assert _identities(service, owner) == []
    problem(service.client.delete(path, headers=owner.auth), 404, "not-found")
    told = notices(database, owner.id, owner.email)
    assert told == ["identity-linked", "identity-removed"]  # check 41
    query = "SELECT provider FROM messages WHERE user_id = %s AND kind LIKE 'identity-%%'"
    assert database.execute(query, [owner.id]).fetchall() == [("test",), ("test",)]


def test_identities_come_in_pages(
    service: Service, browser: Browser, owner: Account, provider: HostileProvider
) -> None:
    """Identities are listed in the order in which they were linked."""
    for _ in range(3):
        _link(browser, owner, provider)
    path = f"{owner.url}/identities?limit=2"
    first = service.client.get(path, headers=owner.auth).json()
    rest = service.client.get(f"{path}&cursor={first['next_cursor']}", headers=owner.auth).json()
    shown = [it["id"] for it in [*first["items"], *rest["items"]]]
    assert (len(shown), shown, rest["next_cursor"]) == (3, sorted(shown), None)


def test_only_the_owner_can_list_or_remove_identities(
    service: Service, browser: Browser, owner: Account, provider: HostileProvider, database_url: str
) -> None:
    """Another user gets 404, as for a missing account. An administrator gets 403."""
    _link(browser, owner, provider)
    (identity,) = _identities(service, owner)
    other_user, admin = sign_up(service.client), new_admin(service.client, database_url)
    for method, path in (
        ("GET", f"{owner.url}/identities"),
        ("DELETE", f"{owner.url}/identities/{identity['id']}"),
    ):
        response = service.client.request(method, path, headers=other_user.auth)
        problem(response, 404, "not-found")  # check 24
        problem(service.client.request(method, path, headers=admin.auth), 403, "forbidden")
        problem(service.client.request(method, path), 401, "unauthenticated")
    own = f"{other_user.url}/identities/{identity['id']}"
    problem(service.client.delete(own, headers=other_user.auth), 404, "not-found")  # check 24
    assert len(_identities(service, owner)) == 1


def test_an_old_session_needs_the_password_to_link_an_identity(
    service: Service, owner: Account, database: psycopg.Connection
) -> None:
    """Without the password, a stolen token of an old session cannot add a way to sign in."""
    database.execute(_AGE_SESSIONS, [owner.id])
    problem(_begin_link(service, owner), 403, "reauthenticate")  # check 41
    wrong = _begin_link(service, owner, current_password="a wrong password")
    problem(wrong, 403, "wrong-password")  # check 41
    proved = _begin_link(service, owner, current_password=PASSWORD)
    assert proved.status_code == 200, proved.text
    unknown = _begin_link(service, owner, password=PASSWORD)
    assert pointers(unknown) == ["/password"]


def test_an_old_session_cannot_remove_an_identity(
    service: Service,
    browser: Browser,
    owner: Account,
    provider: HostileProvider,
    database: psycopg.Connection,
) -> None:
    """The owner must sign in again before the removal."""
    _link(browser, owner, provider)
    (identity,) = _identities(service, owner)
    database.execute(_AGE_SESSIONS, [owner.id])
    again = log_in(service.client, owner.email, PASSWORD)
    path = f"{owner.url}/identities/{identity['id']}"
    # The process caches the old session for 0.8 s. A logout from another session of the user makes
    # the process read the old session again.
    service.client.post("/api/auth/logout", headers=bearer(again))
    problem(service.client.delete(path, headers=owner.auth), 403, "reauthenticate")  # check 41
    recent = bearer(log_in(service.client, owner.email, PASSWORD))
    assert service.client.delete(path, headers=recent).status_code == 204


def test_the_last_way_to_sign_in_cannot_be_removed(
    browser: Browser, provider: HostileProvider
) -> None:
    """One of two concurrent removals is refused, until the account has a password."""
    browser.sign_in(provider)
    path = f"/api/users/{browser.me()['id']}/identities"
    back = browser.request("POST", f"{OIDC}/link", headers=FROM_HERE).json()["authorization_url"]
    assert browser.finish(provider.authorize(back, sub=secrets.token_hex(8))).status_code == 303
    ids = [it["id"] for it in browser.request("GET", path).json()["items"]]
    removals = at_once(
        [partial(browser.request, "DELETE", f"{path}/{it}", headers=FROM_HERE) for it in ids]
    )
    assert statuses(removals) == {204: 1, 409: 1}
    (left,) = browser.request("GET", path).json()["items"]
    refused = browser.request("DELETE", f"{path}/{left['id']}", headers=FROM_HERE)
    problem(refused, 409, "last-sign-in-method")
    assert _set_password(browser, new_password=NEW_PASSWORD)[0].status_code == 204
    assert browser.request("DELETE", f"{path}/{left['id']}", headers=FROM_HERE).status_code == 204


def test_an_account_without_a_password_can_set_one(
    service: Service, browser: Browser, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """The session must be under five minutes old. A later change needs the current password."""
    browser.sign_in(provider)
    early, user = _set_password(browser, new_password=NEW_PASSWORD)
    assert early.status_code == 204
    assert notices(database, user["id"], user["email"]) == ["password-changed"]  # check 41
    log_in(service.client, user["email"], NEW_PASSWORD)
    second, _ = _set_password(browser, new_password=PASSWORD)
    assert pointers(second) == ["/current_password"]  # check 41
    other = Browser(service.client)
    other.sign_in(provider, sub=secrets.token_hex(8), email=f"{secrets.token_hex(8)}@example.com")
    database.execute(_AGE_SESSIONS, [other.me()["id"]])
    # A process caches a session for less than a second. Wait until the cached session expires.
    database.execute("SELECT pg_sleep(0.9)")
    problem(_set_password(other, new_password=NEW_PASSWORD)[0], 403, "reauthenticate")  # check 41


def test_a_new_password_removes_identities_linked_in_other_sessions(
    service: Service, browser: Browser, owner: Account, provider: HostileProvider
) -> None:
    """An identity that a thief has linked cannot sign in, even if the thief has logged out."""
    kept = _link(browser, owner, provider)
    stolen = replace(owner, token=log_in(service.client, owner.email, PASSWORD))
    linked, pending = _link(Browser(service.client), stolen, provider), Browser(service.client)
    back = provider.authorize(pending.begin_link(stolen), sub=secrets.token_hex(8))
    gone = replace(owner, token=log_in(service.client, owner.email, PASSWORD))
    ended = _link(Browser(service.client), gone, provider)
    assert service.client.post("/api/auth/logout", headers=gone.auth).status_code == 204
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    changed = service.client.put(f"{owner.url}/password", json=body, headers=owner.auth)
    assert changed.status_code == 204
    problem(pending.finish(back), 403, "oidc-refused")  # check 41
    for subject in (linked, ended):
        thief = Browser(service.client)
        thief.sign_in(provider, sub=subject, email=f"{secrets.token_hex(8)}@example.com")
        assert thief.me()["id"] != owner.id  # check 41
    mine = Browser(service.client)
    mine.sign_in(provider, sub=kept)
    assert mine.me()["id"] == owner.id


def test_a_link_is_announced_once(
    browser: Browser, owner: Account, provider: HostileProvider, database: psycopg.Connection
) -> None:
    """Linking the same identity again sends no further notice."""
    subject = secrets.token_hex(8)
    for _ in range(2):
        finished = browser.finish(provider.authorize(browser.begin_link(owner), sub=subject))
        assert finished.status_code == 303
        assert notices(database, owner.id, owner.email) == ["identity-linked"]  # check 41


def test_a_link_concurrent_with_a_logout_never_gets_500(service: Service) -> None:
    """If the session ends while a link begins, the link gets 200 or 401."""
    client = service.client
    for _ in range(10):
        owner = sign_up(client)
        link, logout = at_once(
            [
                partial(client.post, f"{OIDC}/link", headers=owner.auth),
                partial(client.post, "/api/auth/logout", headers=owner.auth),
            ]
        )
        assert logout.status_code == 204
        assert link.status_code in {200, 401}, link.text  # check 46
