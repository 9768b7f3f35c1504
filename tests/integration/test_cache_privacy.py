"""What was read for one is never told another, however hot it is."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psycopg
import pytest

from tests.accounts import Account, sign_up
from tests.conftest import StartService
from tests.integration.faults import wait_for_lock
from tests.integration.shop import new_product, placed
from tests.integration.signed_in import browser_of, me, move, signed_in
from tests.integration.wire import problem

pytestmark = pytest.mark.slow

_NOBODY = 9007199254740000
PRIVATE = ["user", "orders", "page", "order"]


@pytest.fixture(scope="module")
def pair(start_service: StartService, database_url: str) -> tuple[httpx2.Client, httpx2.Client]:
    """Two processes that share one Redis and one database."""
    settings = {"REDIS_KEY_PREFIX": f"privacy-{database_url[-12:]}", "REDIS_TIMEOUT": "2"}
    return start_service(**settings).client, start_service(**settings).client


@pytest.fixture
def paths(client: httpx2.Client, admin: Account, bettina: Account) -> dict[str, str]:
    """What only Bettina may read."""
    order = placed(client, bettina, (new_product(client, admin), 1)).headers["Location"]
    orders = f"{bettina.url}/orders"
    return {"user": bettina.url, "orders": orders, "page": f"{orders}?limit=1", "order": order}


def _as_if_missing(client: httpx2.Client, headers: dict[str, str], path: str, own: str) -> None:
    # The same request id, so that not one byte need be left out.
    sent = {**headers, "X-Request-ID": "same"}
    hidden = client.get(path, headers=sent)
    problem(hidden, 404, "not-found")
    missing_path = path.replace(own, f"/api/users/{_NOBODY}")
    missing = client.get(missing_path, headers=sent)
    assert hidden.content.replace(path.encode(), b"") == missing.content.replace(
        missing_path.encode(), b""
    )  # check 24
    left_out = {"date", "ratelimit", "content-length"}
    assert {name: value for name, value in hidden.headers.items() if name not in left_out} == {
        name: value for name, value in missing.headers.items() if name not in left_out
    }  # check 24


@pytest.mark.parametrize("route", PRIVATE)
@pytest.mark.parametrize("way", ["token", "cookie"])
def test_a_stranger_gets_what_a_missing_one_gives_while_the_owner_has_a_hit(
    pair: tuple[httpx2.Client, httpx2.Client],
    ahmed: Account, bettina: Account, admin: Account, paths: dict[str, str], route: str, way: str,
) -> None:  # fmt: skip
    """By token and by cookie, from every process, with or without a version that is known."""
    path = paths[route]
    for client in pair:
        owner = bettina.auth if way == "token" else browser_of(client, bettina).cookie
        other = ahmed.auth if way == "token" else browser_of(client, ahmed).cookie
        for headers in (owner, admin.auth) * 2:
            hot = client.get(path, headers=headers)
            assert hot.status_code == 200
        assert hot.headers["X-Cache"] == "hit"
        _as_if_missing(client, other, path, bettina.url)
        known = {**other, "If-None-Match": hot.headers["ETag"]}
        problem(client.get(path, headers=known), 404, "not-found")
        problem(client.get(path), 401, "unauthenticated")
        bad = client.get(path, headers={"Authorization": "Bearer x", **_cookie(owner)})
        problem(bad, 401, "invalid-token")
        assert client.get(path, headers=owner).content == hot.content


def _cookie(headers: dict[str, str]) -> dict[str, str]:
    """Return the cookie, which a bad token beside it makes worthless."""
    return {name: value for name, value in headers.items() if name == "Cookie"}


def test_everybody_is_told_of_themselves(
    client: httpx2.Client, ahmed: Account, bettina: Account, admin: Account
) -> None:
    """One path, many answers: by token, by cookie, and by a token beside another's cookie."""
    cookies = [browser_of(client, who).cookie for who in (ahmed, bettina)]
    for _ in range(3):
        for who, other in ((ahmed, cookies[1]), (bettina, cookies[0]), (admin, cookies[0])):
            assert me(client, who.auth).json()["id"] == who.id
            assert me(client, {**who.auth, **other}).json()["id"] == who.id
        assert [me(client, it).json()["id"] for it in cookies] == [ahmed.id, bettina.id]


@pytest.mark.parametrize("way", ["token", "cookie"])
def test_who_has_signed_out_gets_no_remembered_answer(
    pair: tuple[httpx2.Client, httpx2.Client], bettina: Account, way: str
) -> None:
    """401 at once where it was done, and within a second everywhere."""
    here, there = pair
    session = signed_in(here, bettina) if way == "token" else browser_of(here, bettina)
    code = "invalid-token" if way == "token" else "invalid-session"
    for client in (*pair, *pair):
        hot = me(client, session.auth)
    assert hot.headers["X-Cache"] == "hit"
    assert here.post("/api/auth/logout", headers=session.auth).status_code == 204
    ended = time.monotonic()
    problem(me(here, session.auth), 401, code)
    problem(me(here, {**session.auth, "If-None-Match": hot.headers["ETag"]}), 401, code)
    while me(there, session.auth).status_code != 401:
        assert time.monotonic() < ended + 1  # check 17


def _demote(database: psycopg.Connection, account: Account, role: str) -> None:
    database.execute("UPDATE users SET role = %s WHERE id = %s", [role, account.id])


@pytest.mark.parametrize("route", PRIVATE)
def test_who_is_no_administrator_any_more_gets_no_remembered_answer(
    client: httpx2.Client, database: psycopg.Connection, bettina: Account,
    paths: dict[str, str], route: str,
) -> None:  # fmt: skip
    """Within a second; and what was read as one stays unread when the role comes and goes."""
    former, path = sign_up(client), paths[route]
    problem(client.get(path, headers=former.auth), 404, "not-found")
    _demote(database, former, "admin")
    time.sleep(0.9)
    for _ in range(3):
        assert client.get(path, headers=former.auth).status_code == 200
    _demote(database, former, "user")
    ended = time.monotonic()
    while client.get(path, headers=former.auth).status_code != 404:
        assert time.monotonic() < ended + 1
    _as_if_missing(client, former.auth, path, bettina.url)


def test_what_an_administrator_asked_for_is_not_remembered_for_a_user(
    client: httpx2.Client, database: psycopg.Connection, database_url: str, bettina: Account
) -> None:
    """The role goes while the answer is being read: it was for the role that was asked with."""
    former = sign_up(client)
    _demote(database, former, "admin")
    time.sleep(0.9)
    assert me(client, former.auth).status_code == 200
    with ThreadPoolExecutor(1) as threads, psycopg.connect(database_url) as holder:
        holder.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        path = f"{bettina.url}/orders"
        reading = threads.submit(client.get, path, headers=former.auth)
        wait_for_lock(holder)
        _demote(database, former, "user")
        # Longer than it is remembered who asks.
        time.sleep(0.9)
        holder.rollback()
        assert reading.result().status_code == 200
    for _ in range(3):
        problem(client.get(path, headers=former.auth), 404, "not-found")  # check 24


@pytest.mark.parametrize("way", ["token", "cookie"])
def test_a_session_that_the_database_has_ended_gets_no_remembered_answer(
    client: httpx2.Client, database: psycopg.Connection, bettina: Account, way: str
) -> None:
    """Within a second, though the answer itself is still good."""
    session = signed_in(client, bettina) if way == "token" else browser_of(client, bettina)
    for _ in range(3):
        assert me(client, session.auth).status_code == 200
    move(database, session.session_id, expires_at="0 s")
    ended = time.monotonic()
    while me(client, session.auth).status_code != 401:
        assert time.monotonic() < ended + 1  # check 17
