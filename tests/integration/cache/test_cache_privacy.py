"""A cached response with a user's data is sent only to that user and to administrators."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psycopg
import pytest

from lab.stack.processes.waiting import wait_until
from tests.accounts import Account, sign_up
from tests.conftest import StartService
from tests.integration.faults import wait_for_lock
from tests.integration.shop import new_product, placed
from tests.integration.signed_in import browser_of, me, set_times, signed_in
from tests.integration.wire import problem

pytestmark = pytest.mark.slow

_MISSING_ID = 9007199254740000
PRIVATE = ["user", "orders", "page", "order"]


@pytest.fixture(scope="module")
def pair(start_service: StartService, database_url: str) -> tuple[httpx2.Client, httpx2.Client]:
    """Two processes that share one Redis and one database."""
    settings = {"REDIS_KEY_PREFIX": f"privacy-{database_url[-12:]}", "REDIS_TIMEOUT": "2"}
    return start_service(**settings).client, start_service(**settings).client


@pytest.fixture
def paths(client: httpx2.Client, admin: Account, bettina: Account) -> dict[str, str]:
    """Paths that only Bettina and administrators can read."""
    order = placed(client, bettina, (new_product(client, admin), 1)).headers["Location"]
    orders = f"{bettina.url}/orders"
    return {"user": bettina.url, "orders": orders, "page": f"{orders}?limit=1", "order": order}


def _assert_looks_missing(
    client: httpx2.Client, headers: dict[str, str], path: str, own: str
) -> None:
    # Both requests have the same request id, so that the bodies differ only in the path.
    sent = {**headers, "X-Request-ID": "same"}
    hidden = client.get(path, headers=sent)
    problem(hidden, 404, "not-found")
    missing_path = path.replace(own, f"/api/users/{_MISSING_ID}")
    missing = client.get(missing_path, headers=sent)
    assert hidden.content.replace(path.encode(), b"") == missing.content.replace(
        missing_path.encode(), b""
    )  # check 24
    left_out = {"date", "ratelimit", "content-length"}
    assert {name: value for name, value in hidden.headers.items() if name not in left_out} == {
        name: value for name, value in missing.headers.items() if name not in left_out
    }  # check 24


@pytest.mark.parametrize("route", PRIVATE)
@pytest.mark.parametrize("credential", ["token", "cookie"])
def test_another_user_gets_404_while_the_owner_has_a_hit(
    pair: tuple[httpx2.Client, httpx2.Client],
    ahmed: Account, bettina: Account, admin: Account, paths: dict[str, str],
    route: str, credential: str,
) -> None:  # fmt: skip
    """Another user gets 404 in both processes, by token or cookie, even with If-None-Match."""
    path = paths[route]
    for client in pair:
        owner = bettina.auth if credential == "token" else browser_of(client, bettina).cookie
        other = ahmed.auth if credential == "token" else browser_of(client, ahmed).cookie
        for headers in (owner, admin.auth) * 2:
            hot = client.get(path, headers=headers)
            assert hot.status_code == 200
        assert hot.headers["X-Cache"] == "hit"
        _assert_looks_missing(client, other, path, bettina.url)
        conditional = {**other, "If-None-Match": hot.headers["ETag"]}
        problem(client.get(path, headers=conditional), 404, "not-found")
        problem(client.get(path), 401, "unauthenticated")
        bad = client.get(path, headers={**owner, "Authorization": "Bearer x"})
        problem(bad, 401, "invalid-token")
        assert client.get(path, headers=owner).content == hot.content


def test_each_user_reads_their_own_account_at_users_me(
    client: httpx2.Client, ahmed: Account, bettina: Account, admin: Account
) -> None:
    """If a request has a token and the cookie of another user, the token decides."""
    cookies = [browser_of(client, account).cookie for account in (ahmed, bettina)]
    for _ in range(3):
        for account, other in ((ahmed, cookies[1]), (bettina, cookies[0]), (admin, cookies[0])):
            assert me(client, account.auth).json()["id"] == account.id
            assert me(client, {**account.auth, **other}).json()["id"] == account.id
        assert [me(client, it).json()["id"] for it in cookies] == [ahmed.id, bettina.id]


@pytest.mark.parametrize("credential", ["token", "cookie"])
def test_a_session_that_has_signed_out_gets_no_cached_response(
    pair: tuple[httpx2.Client, httpx2.Client], bettina: Account, credential: str
) -> None:
    """The process that handles the logout sends 401 at once, and the other one within 1 s."""
    here, there = pair
    session = signed_in(here, bettina) if credential == "token" else browser_of(here, bettina)
    code = "invalid-token" if credential == "token" else "invalid-session"
    for client in (*pair, *pair):
        hot = me(client, session.auth)
    assert hot.headers["X-Cache"] == "hit"
    assert here.post("/api/auth/logout", headers=session.auth).status_code == 204
    ended = time.monotonic()
    problem(me(here, session.auth), 401, code)
    problem(me(here, {**session.auth, "If-None-Match": hot.headers["ETag"]}), 401, code)
    while me(there, session.auth).status_code != 401:
        assert time.monotonic() < ended + 1  # check 17


def _set_role(database: psycopg.Connection, account: Account, role: str) -> None:
    database.execute("UPDATE users SET role = %s WHERE id = %s", [role, account.id])


@pytest.mark.parametrize("route", PRIVATE)
def test_a_former_administrator_gets_no_cached_response(
    client: httpx2.Client, database: psycopg.Connection, bettina: Account,
    paths: dict[str, str], route: str,
) -> None:  # fmt: skip
    """The former administrator gets 404 within 1 s, although the responses are cached."""
    former, path = sign_up(client), paths[route]
    problem(client.get(path, headers=former.auth), 404, "not-found")
    _set_role(database, former, "admin")
    time.sleep(0.9)
    for _ in range(3):
        assert client.get(path, headers=former.auth).status_code == 200
    _set_role(database, former, "user")
    assert wait_until(lambda: client.get(path, headers=former.auth).status_code == 404, timeout_s=1)
    _assert_looks_missing(client, former.auth, path, bettina.url)


def test_a_read_as_administrator_is_not_cached_for_a_user(
    client: httpx2.Client, database: psycopg.Connection, database_url: str, bettina: Account
) -> None:
    """The role changes during the read. The response is stored only for the earlier role."""
    former = sign_up(client)
    _set_role(database, former, "admin")
    time.sleep(0.9)
    assert me(client, former.auth).status_code == 200
    with ThreadPoolExecutor(1) as threads, psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        path = f"{bettina.url}/orders"
        reading = threads.submit(client.get, path, headers=former.auth)
        wait_for_lock(holder)
        _set_role(database, former, "user")
        # This pause is longer than the time for which a process caches the role of a session.
        time.sleep(0.9)
        holder.rollback()
        assert reading.result().status_code == 200
    for _ in range(3):
        problem(client.get(path, headers=former.auth), 404, "not-found")  # check 24


@pytest.mark.parametrize("credential", ["token", "cookie"])
def test_a_session_that_ended_in_the_database_gets_no_cached_response(
    client: httpx2.Client, database: psycopg.Connection, bettina: Account, credential: str
) -> None:
    """The user gets 401 within a second, although the cached response is still current."""
    session = signed_in(client, bettina) if credential == "token" else browser_of(client, bettina)
    for _ in range(3):
        assert me(client, session.auth).status_code == 200
    set_times(database, session.session_id, expires_at="0 s")
    assert wait_until(lambda: me(client, session.auth).status_code == 401, timeout_s=1)  # check 17
