"""Who may see and do what: to a stranger, what is there and what is not look the same."""

import time
from typing import Any

import httpx2
import psycopg
import pytest

from tests.accounts import PASSWORD, Account, new_email
from tests.integration.wire import JSON, pointers, problem

MISSING = 2**62
_NEW_PASSWORD = {"current_password": PASSWORD, "new_password": "a quite different one"}
_CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "", {}),
    ("GET", "", {"headers": {"If-None-Match": "*"}}),
    ("GET", "", {"headers": {"If-None-Match": "unquoted"}}),
    ("HEAD", "", {}),
    ("PATCH", "", {"json": {"name": "Mallory"}, "headers": {"If-Match": "*"}}),
    ("PATCH", "", {"json": {"name": "Mallory"}, "headers": {"If-Match": '"stale"'}}),
    ("PATCH", "", {"json": {"name": "Mallory"}, "headers": {"If-Match": "unquoted"}}),
    ("PATCH", "", {"json": {"name": "Mallory"}}),
    ("PATCH", "", {"json": {"role": "admin"}, "headers": {"If-Match": "*"}}),
    ("PATCH", "", {"json": {"name": ""}}),
    ("PATCH", "", {"json": []}),
    ("PATCH", "", {}),
    ("PUT", "/password", {"json": _NEW_PASSWORD}),
    ("PUT", "/password", {"json": {"new_password": "short"}}),
    ("PUT", "/password", {}),
    ("DELETE", "", {"headers": {"If-Match": "*"}}),
    ("DELETE", "", {"headers": {"If-Match": "unquoted"}}),
    ("DELETE", "", {}),
]
_UNREADABLE: list[tuple[str, str, dict[str, Any]]] = [
    (method, path, {"content": content, "headers": headers})
    for method, path in [("PATCH", ""), ("PUT", "/password")]
    for content, headers in [
        (b"{", JSON),
        (b'{"name": "A", "name": "B"}', JSON),
        (b"name=A", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"{}", {**JSON, "Accept": "text/html"}),
        (b" " * 70_000, JSON),
    ]
] + [
    ("GET", "", {"headers": {"Accept": "text/html"}}),
    ("OPTIONS", "", {}),
    ("POST", "", {}),
    ("GET", "/password", {}),
    ("GET", "/orders/1/x", {}),
]


def _ask(
    client: httpx2.Client, caller: Account, user_id: int, call: tuple[str, str, dict[str, Any]]
) -> httpx2.Response:
    method, path, options = call
    headers = {**options.get("headers", {}), **caller.auth, "X-Request-ID": "the-same"}
    return client.request(method, f"/api/users/{user_id}{path}", **{**options, "headers": headers})


def _seen(response: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    changing = {"date", "ratelimit"}
    headers = {name: value for name, value in response.headers.items() if name not in changing}
    return response.status_code, response.content, headers


@pytest.mark.parametrize("call", [*_CALLS, *_UNREADABLE], ids=str)
def test_somebody_elses_account_looks_like_a_missing_one(
    client: httpx2.Client,
    stranger: Account,
    somebody: Account,
    call: tuple[str, str, dict[str, Any]],
) -> None:
    """Status, headers and body are the same byte for byte, and nothing happens to it."""
    theirs = _ask(client, stranger, somebody.id, call)
    assert _seen(theirs) == _seen(_ask(client, stranger, MISSING, call))  # check 24
    if call in _CALLS:
        assert theirs.status_code == 404  # check 24, check 25
    after = client.get(somebody.url, headers=somebody.auth)
    assert after.headers["ETag"] == somebody.etag


def test_an_erased_account_looks_like_a_missing_one(
    client: httpx2.Client, somebody: Account, bettina: Account, admin: Account
) -> None:
    """Neither a stranger nor an administrator can tell that there was one."""
    headers = {**bettina.auth, "If-Match": bettina.etag}
    assert client.delete(bettina.url, headers=headers).status_code == 204
    for caller in (somebody, admin):
        for method in ("GET", "DELETE"):
            call = (method, "", {"headers": {"If-Match": "*"}})
            gone = _ask(client, caller, bettina.id, call)
            problem(gone, 404, "not-found")
            assert _seen(gone) == _seen(_ask(client, caller, MISSING, call))


@pytest.mark.parametrize("call", _CALLS, ids=str)
def test_nobody_gets_anything_without_a_token(
    client: httpx2.Client, somebody: Account, call: tuple[str, str, dict[str, Any]]
) -> None:
    """401 comes before all else, for what is there and what is not."""
    method, path, options = call
    answers = [
        client.request(
            method,
            f"/api/users/{user_id}{path}",
            **{**options, "headers": {**options.get("headers", {}), "X-Request-ID": "the-same"}},
        )
        for user_id in (somebody.id, MISSING)
    ]
    assert answers[0].status_code == 401
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"
    assert _seen(answers[0]) == _seen(answers[1])


@pytest.mark.parametrize("name", ["id", "role", "status", "owner_id", "total", "created_at"])
@pytest.mark.parametrize("value", [1, "admin"])
def test_fields_that_are_not_the_clients_are_refused(
    client: httpx2.Client, somebody: Account, name: str, value: object
) -> None:
    """Nobody assigns themselves a role or an id, and the rest of the body has no effect."""
    email = new_email()
    signup = {"name": "A", "email": email, "password": PASSWORD, name: value}
    assert pointers(client.post("/api/users", json=signup)) == [f"/{name}"]  # check 26
    login = {"email": somebody.email, "password": PASSWORD, name: value}
    assert pointers(client.post("/api/auth/login", json=login)) == [f"/{name}"]
    headers = {**somebody.auth, "If-Match": somebody.etag}
    patch = client.patch(somebody.url, json={"name": "B", name: value}, headers=headers)
    assert pointers(patch) == [f"/{name}"]  # check 26
    change = client.put(
        f"{somebody.url}/password", json={**_NEW_PASSWORD, name: value}, headers=somebody.auth
    )
    assert pointers(change) == [f"/{name}"]
    after = client.get(somebody.url, headers=somebody.auth)
    assert after.headers["ETag"] == somebody.etag  # check 26
    nobody = client.post("/api/auth/login", json={"email": email, "password": PASSWORD})
    problem(nobody, 401, "bad-credentials")  # check 26


def test_only_administrators_list_users(
    client: httpx2.Client, somebody: Account, admin: Account
) -> None:
    """The role falls short: 403, and never 404, for there is nothing to hide."""
    problem(client.get("/api/users", headers=somebody.auth), 403, "forbidden")
    problem(client.get("/api/users"), 401, "unauthenticated")
    assert client.get("/api/users", headers=admin.auth).status_code == 200


def test_administrators_cannot_set_somebodys_password(
    client: httpx2.Client, somebody: Account, admin: Account
) -> None:
    """A password is its owner's only."""
    for user_id in (somebody.id, MISSING):
        response = client.put(
            f"/api/users/{user_id}/password", json=_NEW_PASSWORD, headers=admin.auth
        )
        problem(response, 403, "forbidden")


def test_a_role_that_is_taken_away_is_gone_within_a_second(
    client: httpx2.Client, ahmed: Account, database: psycopg.Connection
) -> None:
    """What counts is what the database says, not what a token was issued with."""
    for role, status in (("admin", 200), ("user", 403)):
        database.execute("UPDATE users SET role = %s WHERE id = %s", [role, ahmed.id])
        changed = time.monotonic()
        while client.get("/api/users?limit=1", headers=ahmed.auth).status_code != status:
            assert time.monotonic() < changed + 1
