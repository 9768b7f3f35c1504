"""A new password and a deletion end the sessions of a user."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial

import httpx2
import psycopg
import pytest

from lab.stack.processes.waiting import wait_until
from tests.accounts import PASSWORD, Account, log_in, notices
from tests.conftest import StartService
from tests.integration.signed_in import bearer, me
from tests.integration.wire import problem

NEW_PASSWORD = "a quite different passphrase"


def _change(client: httpx2.Client, account: Account, current: str, new: str) -> httpx2.Response:
    body = {"current_password": current, "new_password": new}
    return client.put(f"{account.url}/password", json=body, headers=account.auth)


def test_a_new_password_ends_the_other_sessions_and_keeps_this_one(
    client: httpx2.Client, ahmed: Account, database: psycopg.Connection
) -> None:
    """The session that changed the password continues. The user's other sessions end.

    The owner gets a notice.
    """
    others = [log_in(client, ahmed.email, PASSWORD) for _ in range(2)]
    changed = _change(client, ahmed, PASSWORD, NEW_PASSWORD)
    assert (changed.status_code, changed.content) == (204, b"")
    assert me(client, ahmed.auth).status_code == 200  # check 9
    for token in others:
        problem(me(client, bearer(token)), 401, "invalid-token")  # check 9, check 17
    log_in(client, ahmed.email, NEW_PASSWORD)
    assert notices(database, ahmed.id, ahmed.email) == ["password-changed"]  # check 41
    body = {"email": ahmed.email, "password": PASSWORD}
    problem(client.post("/api/auth/login", json=body), 401, "bad-credentials")


def test_a_new_password_ends_sessions_in_another_process(
    client: httpx2.Client, ahmed: Account, start_service: StartService
) -> None:
    """The other process refuses the token within a second, although it has just verified it."""
    other, auth = start_service().client, bearer(log_in(client, ahmed.email, PASSWORD))
    assert me(other, auth).status_code == 200
    assert _change(client, ahmed, PASSWORD, NEW_PASSWORD).status_code == 204
    assert wait_until(lambda: me(other, auth).status_code == 401, timeout_s=1)  # check 17


def test_a_new_password_does_not_affect_other_users(
    client: httpx2.Client, ahmed: Account, bettina: Account
) -> None:
    """A new password ends only sessions of the user who set it."""
    assert _change(client, ahmed, PASSWORD, NEW_PASSWORD).status_code == 204
    assert me(client, bettina.auth).status_code == 200


def test_a_new_password_needs_the_current_one(
    client: httpx2.Client, ahmed: Account, database: psycopg.Connection
) -> None:
    """A stolen token is not enough to set a password. A refused change changes nothing."""
    other = log_in(client, ahmed.email, PASSWORD)
    for wrong in ("not the password", "", PASSWORD.upper(), PASSWORD + " "):
        problem(_change(client, ahmed, wrong, NEW_PASSWORD), 403, "wrong-password")  # check 9
    assert me(client, bearer(other)).status_code == 200
    assert notices(database, ahmed.id, ahmed.email) == []
    log_in(client, ahmed.email, PASSWORD)


def test_a_new_password_does_not_change_the_representation(
    client: httpx2.Client, ahmed: Account
) -> None:
    """A read returns the same account as before, except for `updated_at`."""
    before = client.get(ahmed.url, headers=ahmed.auth).json()
    assert _change(client, ahmed, PASSWORD, NEW_PASSWORD).status_code == 204
    after = client.get(ahmed.url, headers=ahmed.auth).json()
    assert {**after, "updated_at": None} == {**before, "updated_at": None}


def test_deletion_ends_every_session_at_once(client: httpx2.Client, ahmed: Account) -> None:
    """All tokens of the account are refused."""
    other = log_in(client, ahmed.email, PASSWORD)
    deleted = client.delete(ahmed.url, headers={**ahmed.auth, "If-Match": ahmed.etag})
    assert deleted.status_code == 204
    for token in (ahmed.token, other):
        problem(me(client, bearer(token)), 401, "invalid-token")  # check 17


@contextmanager
def _delayed_sessions(database: psycopg.Connection) -> Iterator[None]:
    """Delay the creation of sessions in this database until the end of the block."""
    database.execute(
        "CREATE FUNCTION wait_a_moment() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NEW; END'"
    )
    database.execute(
        "CREATE TRIGGER wait_a_moment BEFORE INSERT ON sessions "
        "FOR EACH ROW EXECUTE FUNCTION wait_a_moment()"
    )
    database.execute("SELECT pg_advisory_lock(4711)")
    try:
        yield
    finally:
        database.execute("SELECT pg_advisory_unlock(4711)")
        database.execute("DROP FUNCTION wait_a_moment CASCADE")


def _delete(client: httpx2.Client, account: Account) -> httpx2.Response:
    return client.delete(account.url, headers={**account.auth, "If-Match": "*"})


@pytest.mark.parametrize("ended_by", ["new password", "deletion"])
def test_a_login_concurrent_with_the_end_leaves_no_session(
    client: httpx2.Client, ahmed: Account, database: psycopg.Connection, ended_by: str
) -> None:
    """No session of a login with the old password remains, whichever request ends first."""
    login = partial(
        client.post, "/api/auth/login", json={"email": ahmed.email, "password": PASSWORD}
    )
    end = {
        "new password": partial(_change, client, ahmed, PASSWORD, NEW_PASSWORD),
        "deletion": partial(_delete, client, ahmed),
    }[ended_by]
    with ThreadPoolExecutor(2) as threads:
        with _delayed_sessions(database):
            logging_in = threads.submit(login)
            while not database.execute(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            ).fetchone():
                time.sleep(0.01)
            ending = threads.submit(end)
            # The ending request may finish first or wait for the login. Both are correct.
            wait([ending], timeout=0.5)
        assert ending.result().status_code == 204
        response = logging_in.result()
    if response.status_code == 200:
        token = response.json()["access_token"]
        problem(me(client, bearer(token)), 401, "invalid-token")  # check 17
    sessions = database.execute("SELECT 1 FROM sessions WHERE user_id = %s", [ahmed.id])
    assert len(sessions.fetchall()) == (1 if ended_by == "new password" else 0)
