"""Sessions end: by their owner's will, or by time; and stay so whatever Redis forgets."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx2
import psycopg
import pytest
from redis import Redis

from lab.stack.ports import free_port
from lab.stack.valkey import ValkeyServer
from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.faults import unavailable, wait_for_lock
from tests.integration.signed_in import (
    all_refused,
    bearer,
    browser_of,
    me,
    move,
    refresh,
    signed_in,
    tokens_in,
)
from tests.integration.wire import problem, statuses

NEW = "a quite different passphrase"


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A server that may be mistreated."""
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


def test_logout_ends_access_and_refresh_of_this_session_only(
    client: httpx2.Client, somebody: Account
) -> None:
    """At once, and for good; the other device stays signed in."""
    tokens, other = signed_in(client, somebody), signed_in(client, somebody)
    newer = tokens_in(refresh(client, tokens.refresh))
    assert me(client, tokens.auth).status_code == 200
    response = client.post("/api/auth/logout", headers=tokens.auth)
    assert (response.status_code, response.content) == (204, b"")
    all_refused(client, newer)  # check 17
    all_refused(client, tokens)  # check 17
    again = client.post("/api/auth/logout", headers=tokens.auth)
    problem(again, 401, "invalid-token")
    problem(client.post("/api/auth/logout"), 401, "unauthenticated")
    tokens_in(refresh(client, other.refresh))


def test_signing_out_twice_at_once_is_signing_out(
    client: httpx2.Client, somebody: Account, database_url: str
) -> None:
    """A double click gets 204 twice: the session is over, whichever of the two ended it."""
    tokens = signed_in(client, somebody)
    assert me(client, tokens.auth).status_code == 200
    logout = partial(client.post, "/api/auth/logout", headers=tokens.auth)
    with ThreadPoolExecutor(2) as threads, psycopg.connect(database_url) as holder:
        holder.execute("SELECT 1 FROM sessions WHERE id = %s FOR UPDATE", [tokens.session_id])
        answers = [threads.submit(logout) for _ in range(2)]
        wait_for_lock(holder, waiting=2)
        holder.rollback()
        assert statuses(answer.result() for answer in answers) == {204: 2}
    all_refused(client, tokens)  # check 17


def test_a_new_password_and_deletion_end_refresh_tokens_and_cookies(
    client: httpx2.Client, ahmed: Account
) -> None:
    """The session in which the password was changed goes on until the account is gone."""
    mine, other = signed_in(client, ahmed), signed_in(client, ahmed)
    browser = browser_of(client, ahmed)
    assert me(client, browser.auth).status_code == 200
    body = {"current_password": ahmed.password, "new_password": NEW}
    changed = client.put(f"{ahmed.url}/password", json=body, headers=mine.auth)
    assert changed.status_code == 204
    all_refused(client, other)  # check 9, check 17
    problem(me(client, browser.auth), 401, "invalid-session")  # check 9, check 17
    mine = tokens_in(refresh(client, mine.refresh))
    gone = client.delete(ahmed.url, headers={**mine.auth, "If-Match": "*"})
    assert gone.status_code == 204
    all_refused(client, mine)  # check 17


def test_a_session_ends_that_is_not_used_for_a_week(
    client: httpx2.Client, somebody: Account, database: psycopg.Connection
) -> None:
    """Tokens and cookie alike; almost a week is no week."""
    tokens, browser = signed_in(client, somebody), browser_of(client, somebody)
    for session in (tokens.session_id, browser.session_id):
        move(database, session, last_used_at="-7 days")
    all_refused(client, tokens)  # check 23
    problem(me(client, browser.auth), 401, "invalid-session")  # check 23
    for session in (tokens.session_id, browser.session_id):
        move(database, session, last_used_at="-6 days -23:59")
    assert me(client, browser.auth).status_code == 200
    tokens_in(refresh(client, tokens.refresh))


def test_use_and_refresh_put_the_idle_end_off(
    client: httpx2.Client, somebody: Account, database: psycopg.Connection
) -> None:
    """Both count as a use from which a week begins anew."""
    tokens, browser = signed_in(client, somebody), browser_of(client, somebody)
    for session in (tokens.session_id, browser.session_id):
        move(database, session, last_used_at="-6 days")
    assert me(client, browser.auth).status_code == 200
    tokens_in(refresh(client, tokens.refresh))
    rows = database.execute(
        "SELECT last_used_at > now() - interval '10 s' FROM sessions WHERE id = ANY(%s)",
        [[tokens.session_id, browser.session_id]],
    )
    assert rows.fetchall() == [(True,), (True,)]  # check 23


def test_nothing_puts_the_absolute_end_off(
    client: httpx2.Client, somebody: Account, database: psycopg.Connection
) -> None:
    """A month after the sign-in it is over, however much it was used and refreshed."""
    tokens, browser = signed_in(client, somebody), browser_of(client, somebody)
    query = "SELECT expires_at, created_at FROM sessions WHERE id = %s"
    before = database.execute(query, [tokens.session_id]).fetchone()
    assert before is not None
    assert (before[0] - before[1]).total_seconds() == pytest.approx(30 * 24 * 3600, abs=10)
    newer = tokens_in(refresh(client, tokens.refresh))
    assert database.execute(query, [tokens.session_id]).fetchone() == before  # check 23
    for session in (tokens.session_id, browser.session_id):
        move(database, session, expires_at="0 s")
    all_refused(client, newer)  # check 23
    problem(me(client, browser.auth), 401, "invalid-session")  # check 23


def test_what_redis_forgets_or_lacks_changes_no_session(
    client: httpx2.Client, start_service: StartService, valkey: ValkeyServer, somebody: Account
) -> None:
    """Ended stays ended after FLUSHALL; without Redis all goes on."""
    other = start_service(REDIS_URL=valkey.url).client
    tokens, browser = signed_in(other, somebody), browser_of(other, somebody)
    for headers in (tokens.auth, browser.auth):
        assert other.post("/api/auth/logout", headers=headers).status_code == 204
    with Redis.from_url(valkey.url) as redis:
        redis.flushall()
    for process in (other, client):
        all_refused(process, tokens)  # check F10
        problem(me(process, browser.auth), 401, "invalid-session")  # check F10
    valkey.stop()
    tokens, browser = signed_in(other, somebody), browser_of(other, somebody)
    tokens = tokens_in(refresh(other, tokens.refresh))  # check F8
    for headers in (tokens.auth, browser.auth):
        listed = other.get("/api/auth/sessions", headers=headers)
        assert listed.status_code == 200  # check F8
        assert other.post("/api/auth/logout", headers=headers).status_code == 204
    all_refused(other, tokens)  # check F8


def test_without_postgres_nobody_is_signed_in_or_out(
    start_service: StartService, somebody: Account
) -> None:
    """503, for what cannot be known; the public keys are known."""
    url = f"postgresql://nobody:nothing@127.0.0.1:{free_port()}/nothing"
    alone = start_service(DATABASE_URL=url).client
    cookie = {"Cookie": "__Host-session=x", "Sec-Fetch-Site": "none"}
    unavailable(refresh(alone, "x"), "unavailable")  # check F1
    for headers in (somebody.auth, cookie):
        unavailable(me(alone, headers), "unavailable")  # check F1
        unavailable(alone.post("/api/auth/logout", headers=headers), "unavailable")
    for path in ("/api/auth/login", "/api/auth/session"):
        body = {"email": somebody.email, "password": somebody.password}
        unavailable(alone.post(path, json=body), "unavailable")
    problem(me(alone, bearer("x")), 401, "invalid-token")
    assert alone.get("/.well-known/jwks.json").status_code == 200
