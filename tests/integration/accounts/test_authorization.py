"""Authorization: a user cannot distinguish another user's resource from a missing one."""

import time
from typing import Any

import httpx2
import psycopg
import pytest

from tests.accounts import PASSWORD, Account, new_email
from tests.integration.wire import JSON, comparable, pointers, problem

MISSING = 2**62
_NEW_PASSWORD = {"current_password": PASSWORD, "new_password": "a quite different one"}
_NEW_EMAIL = {"email": "mallory@example.com", "current_password": PASSWORD}
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
    ("PUT", "/email", {"json": _NEW_EMAIL}),
    ("PUT", "/email", {"json": {"email": "mallory@example.com"}}),
    ("PUT", "/email", {"json": {"email": "nobody"}}),
    ("PUT", "/email", {}),
    ("DELETE", "", {"headers": {"If-Match": "*"}}),
    ("DELETE", "", {"headers": {"If-Match": "unquoted"}}),
    ("DELETE", "", {}),
]
_UNREADABLE: list[tuple[str, str, dict[str, Any]]] = [
    (method, path, {"content": content, "headers": headers})
    for method, path in [("PATCH", ""), ("PUT", "/password"), ("PUT", "/email")]
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
    ("GET", "/email", {}),
    ("GET", "/orders/1/x", {}),
]


def _send(
    client: httpx2.Client,
    caller: Account | None,
    user_id: int,
    call: tuple[str, str, dict[str, Any]],
) -> httpx2.Response:
    method, path, options = call
    headers = {**options.get("headers", {}), "X-Request-ID": "the-same"}
    if caller:
        headers.update(caller.auth)
    return client.request(method, f"/api/users/{user_id}{path}", **{**options, "headers": headers})


@pytest.mark.parametrize("call", [*_CALLS, *_UNREADABLE], ids=str)
def test_another_users_account_looks_like_a_missing_one(
    client: httpx2.Client,
    other_user: Account,
    shared_user: Account,
    call: tuple[str, str, dict[str, Any]],
) -> None:
    """A request for another user's account gets the same response as for a missing account.

    Status, body and headers (except Date and RateLimit) are identical. The account does not change.
    """
    response = _send(client, other_user, shared_user.id, call)
    missing = _send(client, other_user, MISSING, call)
    assert comparable(response) == comparable(missing)  # check 24
    if call in _CALLS:
        assert response.status_code == 404  # check 24, check 25
    after = client.get(shared_user.url, headers=shared_user.auth)
    assert after.headers["ETag"] == shared_user.etag


def test_an_erased_account_looks_like_a_missing_one(
    client: httpx2.Client, shared_user: Account, bettina: Account, admin: Account
) -> None:
    """Neither a user nor an administrator can see that an erased account existed."""
    headers = {**bettina.auth, "If-Match": bettina.etag}
    assert client.delete(bettina.url, headers=headers).status_code == 204
    for caller in (shared_user, admin):
        for method in ("GET", "DELETE"):
            call = (method, "", {"headers": {"If-Match": "*"}})
            gone = _send(client, caller, bettina.id, call)
            problem(gone, 404, "not-found")
            assert comparable(gone) == comparable(_send(client, caller, MISSING, call))


@pytest.mark.parametrize("call", _CALLS, ids=str)
def test_a_request_without_a_token_gets_401(
    client: httpx2.Client, shared_user: Account, call: tuple[str, str, dict[str, Any]]
) -> None:
    """401 precedes all other errors, and is the same for existing and missing accounts."""
    response = _send(client, None, shared_user.id, call)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert comparable(response) == comparable(_send(client, None, MISSING, call))


@pytest.mark.parametrize(
    "name",
    ["id", "role", "status", "owner_id", "total", "created_at", "email_confirmed", "disabled_at"],
)
@pytest.mark.parametrize("value", [1, "admin"])
def test_fields_that_the_client_may_not_set_are_refused(
    client: httpx2.Client, shared_user: Account, name: str, value: object
) -> None:
    """A body with a field such as `role` or `id` is refused; its other fields change nothing."""
    email = new_email()
    signup = {"name": "A", "email": email, "password": PASSWORD, name: value}
    assert pointers(client.post("/api/users", json=signup)) == [f"/{name}"]  # check 26
    login = {"email": shared_user.email, "password": PASSWORD, name: value}
    assert pointers(client.post("/api/auth/login", json=login)) == [f"/{name}"]
    headers = {**shared_user.auth, "If-Match": shared_user.etag}
    patch = client.patch(shared_user.url, json={"name": "B", name: value}, headers=headers)
    assert pointers(patch) == [f"/{name}"]  # check 26
    change = client.put(
        f"{shared_user.url}/password", json={**_NEW_PASSWORD, name: value}, headers=shared_user.auth
    )
    assert pointers(change) == [f"/{name}"]
    move = client.put(
        f"{shared_user.url}/email", json={**_NEW_EMAIL, name: value}, headers=shared_user.auth
    )
    assert pointers(move) == [f"/{name}"]
    after = client.get(shared_user.url, headers=shared_user.auth)
    assert after.headers["ETag"] == shared_user.etag  # check 26
    login_after = client.post("/api/auth/login", json={"email": email, "password": PASSWORD})
    problem(login_after, 401, "bad-credentials")  # check 26


def test_only_administrators_list_users(
    client: httpx2.Client, shared_user: Account, admin: Account
) -> None:
    """A user with another role gets 403 and not 404, because the list's existence is public."""
    problem(client.get("/api/users", headers=shared_user.auth), 403, "forbidden")
    problem(client.get("/api/users"), 401, "unauthenticated")
    assert client.get("/api/users", headers=admin.auth).status_code == 200


def test_administrators_cannot_set_another_users_password(
    client: httpx2.Client, shared_user: Account, admin: Account
) -> None:
    """Only the owner of an account can change its password."""
    for user_id in (shared_user.id, MISSING):
        response = client.put(
            f"/api/users/{user_id}/password", json=_NEW_PASSWORD, headers=admin.auth
        )
        problem(response, 403, "forbidden")


def test_a_change_of_the_role_takes_effect_within_a_second(
    client: httpx2.Client, ahmed: Account, database: psycopg.Connection
) -> None:
    """The role in the database decides, not the role at the time when the token was issued."""
    for role, status in (("admin", 200), ("user", 403)):
        database.execute("UPDATE users SET role = %s WHERE id = %s", [role, ahmed.id])
        changed = time.monotonic()
        while client.get("/api/users?limit=1", headers=ahmed.auth).status_code != status:
            assert time.monotonic() < changed + 1
