"""Users: reading, changing and deleting an account."""

from functools import partial

import httpx2
import psycopg
import pytest

from tests.accounts import PASSWORD, Account, log_in, new_email, signup_body
from tests.integration.wire import at_once, pointers, problem, statuses


def _patch(
    client: httpx2.Client, account: Account, changes: object, *, by: Account | None = None
) -> httpx2.Response:
    headers = {**(by or account).auth, "If-Match": account.etag}
    return client.patch(account.url, json=changes, headers=headers)


def test_users_read_themselves_by_id_and_as_me(client: httpx2.Client, somebody: Account) -> None:
    """Both paths give the same bytes, with the contract's keys and no others."""
    by_id = client.get(somebody.url, headers=somebody.auth)
    me = client.get("/api/users/me", headers=somebody.auth)
    assert (by_id.status_code, me.status_code) == (200, 200)
    assert by_id.content == me.content
    assert by_id.headers["ETag"] == me.headers["ETag"]
    # check 27
    assert list(me.json()) == ["id", "name", "email", "role", "created_at", "updated_at"]
    assert me.headers["Cache-Control"] == "private, no-cache"


def test_administrators_read_anybody(
    client: httpx2.Client, somebody: Account, admin: Account
) -> None:
    """They see what the owner sees."""
    theirs = client.get(somebody.url, headers=admin.auth)
    own = client.get(somebody.url, headers=somebody.auth)
    assert (theirs.status_code, theirs.content) == (200, own.content)
    assert client.get(admin.url, headers=admin.auth).json()["role"] == "admin"


def test_administrators_get_404_for_what_is_not_there(
    client: httpx2.Client, admin: Account
) -> None:
    """Missing is missing, whatever else is wrong with the request."""
    path = f"/api/users/{2**62}"
    problem(client.get(path, headers=admin.auth), 404, "not-found")
    problem(client.delete(path, headers=admin.auth), 404, "not-found")
    missing = client.patch(path, json={"name": "B"}, headers=admin.auth)
    problem(missing, 404, "not-found")


@pytest.mark.parametrize("by_admin", [False, True])
def test_patch_changes_name_and_email(
    client: httpx2.Client, ahmed: Account, admin: Account, *, by_admin: bool
) -> None:
    """What comes back is the new version, as any later read gives it."""
    email = new_email()
    changes = {"name": "  Ahmed Hassan ", "email": email.upper()}
    if not by_admin:
        changes["current_password"] = PASSWORD
    response = _patch(client, ahmed, changes, by=admin if by_admin else ahmed)
    user = response.json()
    assert response.status_code == 200
    assert (user["name"], user["email"], user["id"]) == ("Ahmed Hassan", email, ahmed.id)
    assert user["updated_at"] > user["created_at"]
    assert response.headers["ETag"] != ahmed.etag
    read = client.get(ahmed.url, headers=ahmed.auth)
    assert (read.content, read.headers["ETag"]) == (response.content, response.headers["ETag"])
    log_in(client, email, PASSWORD)
    login = client.post("/api/auth/login", json={"email": ahmed.email, "password": PASSWORD})
    problem(login, 401, "bad-credentials")


def test_patch_leaves_out_what_is_left_out(client: httpx2.Client, ahmed: Account) -> None:
    """One field changes, the other stays."""
    user = _patch(client, ahmed, {"name": "Hassan"}).json()
    assert (user["name"], user["email"]) == ("Hassan", ahmed.email)


def test_patch_that_changes_nothing_keeps_the_version(
    client: httpx2.Client, ahmed: Account
) -> None:
    """Empty, or with the values that are there: same bytes, same ETag."""
    for changes in ({}, {"name": "Ahmed"}, {"name": " Ahmed ", "email": ahmed.email.upper()}):
        response = _patch(client, ahmed, changes)
        assert (response.status_code, response.headers["ETag"]) == (200, ahmed.etag)


def test_an_owner_proves_a_change_of_email_by_the_password(
    client: httpx2.Client, ahmed: Account
) -> None:
    """Without it 422, with a wrong one 403; nothing changes, and the address stays free."""
    email = new_email()
    missing = _patch(client, ahmed, {"email": email})
    assert pointers(missing) == ["/current_password"]  # check 41
    wrong = _patch(client, ahmed, {"email": email, "current_password": "not my password"})
    problem(wrong, 403, "wrong-password")  # check 41
    assert client.get(ahmed.url, headers=ahmed.auth).json()["email"] == ahmed.email
    assert client.post("/api/users", json=signup_body(email=email)).status_code == 201


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"name": None}, ["/name"]),
        ({"email": None}, ["/email"]),
        ({"name": ""}, ["/name"]),
        ({"name": "x" * 101}, ["/name"]),
        ({"name": "a\x00b"}, ["/name"]),
        ({"email": "nobody"}, ["/email"]),
        ({"name": 1, "email": []}, ["/name", "/email"]),
        ({"password": PASSWORD}, ["/password"]),
        ([], [""]),
        ("name", [""]),
        (None, [""]),
    ],
    ids=str,
)
def test_patch_returns_422_for_what_signup_would_refuse(
    client: httpx2.Client, somebody: Account, changes: object, where: list[str]
) -> None:
    """The same rules hold for changes; the whole body is the empty pointer."""
    assert pointers(_patch(client, somebody, changes)) == where
    read = client.get(somebody.url, headers=somebody.auth)
    assert read.headers["ETag"] == somebody.etag


def test_patch_returns_409_when_the_email_is_taken(
    client: httpx2.Client, ahmed: Account, somebody: Account
) -> None:
    """In whatever spelling, and nothing else of the change happens either."""
    for email in (somebody.email, somebody.email.upper()):
        changes = {"name": "B", "email": email, "current_password": PASSWORD}
        response = _patch(client, ahmed, changes)
        problem(response, 409, "email-taken")  # check 8
    assert client.get(ahmed.url, headers=ahmed.auth).headers["ETag"] == ahmed.etag


def test_50_patches_with_one_etag_change_it_once(client: httpx2.Client, ahmed: Account) -> None:
    """One wins, and 49 learn that they have not seen the latest version."""
    calls = [partial(_patch, client, ahmed, {"name": f"Ahmed {number}"}) for number in range(50)]
    responses = at_once(calls)
    assert statuses(responses) == {200: 1, 412: 49}  # check F19
    winner = next(response for response in responses if response.status_code == 200)
    assert client.get(ahmed.url, headers=ahmed.auth).content == winner.content


def test_password_changes_at_once_never_fail_in_other_ways(
    client: httpx2.Client, ahmed: Account
) -> None:
    """A PUT without If-Match has no precondition to fail: 204, or the password is wrong by now."""
    change = {"current_password": PASSWORD, "new_password": "a quite different one"}
    headers = {**ahmed.auth, "If-Match": ahmed.etag}
    put = lambda: client.put(f"{ahmed.url}/password", json=change, headers=ahmed.auth)  # noqa: E731
    rename = lambda: client.patch(ahmed.url, json={"name": "B"}, headers=headers)  # noqa: E731
    responses = at_once([put, put, put, put, rename])
    assert statuses(responses[:4]) == {204: 1, 403: 3}
    assert responses[4].status_code in {200, 412}


@pytest.mark.parametrize("by_admin", [False, True])
def test_delete_erases_all_that_is_personal_and_keeps_the_row(
    client: httpx2.Client,
    ahmed: Account,
    admin: Account,
    database: psycopg.Connection,
    *,
    by_admin: bool,
) -> None:
    """The books still refer to the id; nothing there says whose it was."""
    headers = {**(admin if by_admin else ahmed).auth, "If-Match": ahmed.etag}
    response = client.delete(ahmed.url, headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    row = database.execute("SELECT * FROM users WHERE id = %s", [ahmed.id]).fetchone()
    assert row is not None
    assert not {ahmed.email, "Ahmed"} & set(row)
    assert "argon2" not in str(row)
    columns = [column.name for column in database.execute("SELECT * FROM users").description or ()]
    left = {name for name, value in zip(columns, row, strict=True) if value is not None}
    assert left == {"id", "role", "created_at", "updated_at", "erased_at"}
    sessions = database.execute("SELECT 1 FROM sessions WHERE user_id = %s", [ahmed.id])
    assert sessions.fetchall() == []
    login = client.post("/api/auth/login", json={"email": ahmed.email, "password": PASSWORD})
    problem(login, 401, "bad-credentials")
    problem(client.get(ahmed.url, headers=admin.auth), 404, "not-found")


def test_deletion_frees_the_email(client: httpx2.Client, ahmed: Account) -> None:
    """Whoever has the address may open a new account, which is another one."""
    headers = {**ahmed.auth, "If-Match": ahmed.etag}
    assert client.delete(ahmed.url, headers=headers).status_code == 204
    again = client.post("/api/users", json=signup_body(email=ahmed.email))
    assert again.status_code == 201
    assert again.json()["id"] != ahmed.id


def test_of_many_deletions_one_succeeds(client: httpx2.Client, ahmed: Account) -> None:
    """The others find a version, a session or an account that is gone."""
    headers = {**ahmed.auth, "If-Match": ahmed.etag}
    responses = at_once([lambda: client.delete(ahmed.url, headers=headers)] * 10)
    found = statuses(responses)
    assert found.pop(204) == 1
    assert set(found) <= {401, 404, 412}
