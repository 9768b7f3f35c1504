"""Users: reading, changing and deleting an account."""

from functools import partial

import httpx2
import psycopg
import pytest
from psycopg import sql

from tests.accounts import PASSWORD, Account, log_in, new_email, sign_up, signup_body
from tests.integration.wire import at_once, pointers, problem, statuses


def _patch(
    client: httpx2.Client, account: Account, changes: object, *, by: Account | None = None
) -> httpx2.Response:
    headers = {**(by or account).auth, "If-Match": account.etag}
    return client.patch(account.url, json=changes, headers=headers)


def _put_email(
    client: httpx2.Client, account: Account, body: object, *, by: Account | None = None
) -> httpx2.Response:
    return client.put(f"{account.url}/email", json=body, headers=(by or account).auth)


def test_users_can_read_their_account_by_id_and_as_me(
    client: httpx2.Client, shared_user: Account
) -> None:
    """Both paths return the same bytes, with exactly the keys of the contract."""
    by_id = client.get(shared_user.url, headers=shared_user.auth)
    me = client.get("/api/users/me", headers=shared_user.auth)
    assert (by_id.status_code, me.status_code) == (200, 200)
    assert by_id.content == me.content
    assert by_id.headers["ETag"] == me.headers["ETag"]
    # check 27
    assert list(me.json()) == [
        "id", "name", "email", "email_confirmed", "role", "created_at", "updated_at"
    ]  # fmt: skip
    assert me.headers["Cache-Control"] == "private, no-cache"


def test_administrators_can_read_any_account(
    client: httpx2.Client, shared_user: Account, admin: Account
) -> None:
    """An administrator gets the same body as the owner."""
    theirs = client.get(shared_user.url, headers=admin.auth)
    own = client.get(shared_user.url, headers=shared_user.auth)
    assert (theirs.status_code, theirs.content) == (200, own.content)
    assert client.get(admin.url, headers=admin.auth).json()["role"] == "admin"


def test_administrators_get_404_for_a_missing_account(
    client: httpx2.Client, admin: Account
) -> None:
    """A missing account gets 404 even if If-Match is missing too."""
    path = f"/api/users/{2**62}"
    problem(client.get(path, headers=admin.auth), 404, "not-found")
    problem(client.delete(path, headers=admin.auth), 404, "not-found")
    missing = client.patch(path, json={"name": "B"}, headers=admin.auth)
    problem(missing, 404, "not-found")


@pytest.mark.parametrize("by_admin", [False, True])
def test_patch_changes_the_name(
    client: httpx2.Client, ahmed: Account, admin: Account, *, by_admin: bool
) -> None:
    """The response has the same body and ETag as a later read."""
    changes = {"name": "  Ahmed Hassan "}
    response = _patch(client, ahmed, changes, by=admin if by_admin else ahmed)
    user = response.json()
    assert response.status_code == 200
    assert (user["name"], user["email"], user["id"]) == ("Ahmed Hassan", ahmed.email, ahmed.id)
    assert user["updated_at"] > user["created_at"]
    assert response.headers["ETag"] != ahmed.etag
    read = client.get(ahmed.url, headers=ahmed.auth)
    assert (read.content, read.headers["ETag"]) == (response.content, response.headers["ETag"])


def test_an_administrator_changes_the_email_of_another_account_at_once(
    client: httpx2.Client, ahmed: Account, admin: Account
) -> None:
    """The new email is stored in its normal form, and it is not confirmed."""
    email = new_email()
    response = _put_email(client, ahmed, {"email": email.upper()}, by=admin)
    assert (response.status_code, response.content) == (204, b"")
    read = client.get(ahmed.url, headers=ahmed.auth)
    user = read.json()
    assert (user["name"], user["email"], user["id"]) == ("Ahmed", email, ahmed.id)
    assert user["email_confirmed"] is False
    assert user["updated_at"] > user["created_at"]
    assert read.headers["ETag"] != ahmed.etag
    log_in(client, email, PASSWORD)
    login = client.post("/api/auth/login", json={"email": ahmed.email, "password": PASSWORD})
    problem(login, 401, "bad-credentials")


def test_a_patch_that_changes_nothing_keeps_the_version(
    client: httpx2.Client, ahmed: Account
) -> None:
    """If the body is empty or has the current values, the ETag is unchanged."""
    for changes in ({}, {"name": "Ahmed"}, {"name": " Ahmed "}):
        response = _patch(client, ahmed, changes)
        assert (response.status_code, response.headers["ETag"]) == (200, ahmed.etag)


def test_a_put_of_the_current_email_changes_nothing(
    client: httpx2.Client, ahmed: Account, admin: Account, database: psycopg.Connection
) -> None:
    """The owner gets 422, because the email is the current one. The version is unchanged."""
    before = _messages(database, ahmed)
    body = {"email": ahmed.email.upper()}
    assert _put_email(client, ahmed, body, by=admin).status_code == 204
    own = _put_email(client, ahmed, {**body, "current_password": PASSWORD})
    assert pointers(own) == ["/email"]
    assert client.get(ahmed.url, headers=ahmed.auth).headers["ETag"] == ahmed.etag
    assert _messages(database, ahmed) == before


def _messages(database: psycopg.Connection, account: Account) -> set[tuple[str, str]]:
    query = "SELECT kind, address FROM messages WHERE user_id = %s"
    return {(kind, address) for kind, address in database.execute(query, [account.id])}


def test_an_owner_needs_the_password_to_change_the_email(
    client: httpx2.Client, ahmed: Account, database: psycopg.Connection
) -> None:
    """Without the password, the change gets 422. With a wrong password, it gets 403.

    The account keeps its email, no message is sent, and another account can have the new email.
    """
    email, before = new_email(), _messages(database, ahmed)
    missing = _put_email(client, ahmed, {"email": email})
    assert pointers(missing) == ["/current_password"]  # check 41
    wrong = _put_email(client, ahmed, {"email": email, "current_password": "not my password"})
    problem(wrong, 403, "wrong-password")  # check 41
    assert client.get(ahmed.url, headers=ahmed.auth).json()["email"] == ahmed.email
    assert _messages(database, ahmed) == before
    assert client.post("/api/users", json=signup_body(email=email)).status_code == 201


@pytest.mark.parametrize(
    ("changes", "expected_pointers"),
    [
        *(({"name": it}, ["/name"]) for it in (None, "", "x" * 101, "a\x00b")),
        ({"name": 1, "email": []}, ["/name", "/email"]),
        ({"email": "b@example.com"}, ["/email"]),
        ({"name": "B", "current_password": PASSWORD}, ["/current_password"]),
        ({"password": PASSWORD}, ["/password"]),
        ([], [""]),
        ("name", [""]),
        (None, [""]),
    ],
    ids=str,
)
def test_patch_returns_422_for_values_that_signup_refuses(
    client: httpx2.Client, shared_user: Account, changes: object, expected_pointers: list[str]
) -> None:
    """An empty JSON Pointer means the whole body."""
    assert pointers(_patch(client, shared_user, changes)) == expected_pointers
    read = client.get(shared_user.url, headers=shared_user.auth)
    assert read.headers["ETag"] == shared_user.etag


@pytest.mark.parametrize(
    ("body", "expected_pointers"),
    [
        ({}, ["/email"]),
        ({"email": None}, ["/email"]),
        ({"email": "nobody"}, ["/email"]),
        ({"email": [], "current_password": 1}, ["/email", "/current_password"]),
        ({"email": "a@example.com", "password": PASSWORD}, ["/password"]),
        ([], [""]),
        ("a@example.com", [""]),
        (None, [""]),
    ],
    ids=str,
)
def test_put_email_returns_422_for_values_that_signup_refuses(
    client: httpx2.Client, shared_user: Account, body: object, expected_pointers: list[str]
) -> None:
    """The account does not change."""
    assert pointers(_put_email(client, shared_user, body)) == expected_pointers
    read = client.get(shared_user.url, headers=shared_user.auth)
    assert read.headers["ETag"] == shared_user.etag


@pytest.mark.parametrize("by_admin", [False, True])
def test_put_email_returns_409_when_the_email_is_taken(
    client: httpx2.Client, ahmed: Account, shared_user: Account, admin: Account, *, by_admin: bool
) -> None:
    """Every spelling of a taken email is refused, and the account does not change."""
    for email in (shared_user.email, shared_user.email.upper()):
        body = {"email": email, "current_password": PASSWORD}
        response = _put_email(client, ahmed, body, by=admin if by_admin else ahmed)
        problem(response, 409, "email-taken")  # check 8
    assert client.get(ahmed.url, headers=ahmed.auth).headers["ETag"] == ahmed.etag


def test_of_50_concurrent_patches_with_one_etag_one_succeeds(
    client: httpx2.Client, ahmed: Account
) -> None:
    """The other requests get 412, because their ETag is no longer the current one."""
    calls = [partial(_patch, client, ahmed, {"name": f"Ahmed {number}"}) for number in range(50)]
    responses = at_once(calls)
    assert statuses(responses) == {200: 1, 412: 49}  # check F19
    winner = next(response for response in responses if response.status_code == 200)
    assert client.get(ahmed.url, headers=ahmed.auth).content == winner.content


def test_concurrent_password_changes_get_204_or_403(client: httpx2.Client, ahmed: Account) -> None:
    """A PUT needs no If-Match. After the first PUT, `current_password` is wrong."""
    change = {"current_password": PASSWORD, "new_password": "a quite different one"}
    put = partial(client.put, f"{ahmed.url}/password", json=change, headers=ahmed.auth)
    responses = at_once([*[put] * 4, partial(_patch, client, ahmed, {"name": "B"})])
    assert statuses(responses[:4]) == {204: 1, 403: 3}
    assert responses[4].status_code in {200, 412}


@pytest.mark.parametrize("by_admin", [False, True])
def test_delete_erases_personal_data_and_keeps_the_row(
    client: httpx2.Client,
    ahmed: Account,
    admin: Account,
    database: psycopg.Connection,
    *,
    by_admin: bool,
) -> None:
    """Orders still refer to the id, which does not identify the person."""
    headers = {**(admin if by_admin else ahmed).auth, "If-Match": ahmed.etag}
    response = client.delete(ahmed.url, headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    erased = database.execute("SELECT * FROM users WHERE id = %s", [ahmed.id])
    (row,) = erased
    assert not {ahmed.email, "Ahmed"} & set(row)
    assert "argon2" not in str(row)
    columns = [column.name for column in erased.description or ()]
    left = {name for name, value in zip(columns, row, strict=True) if value is not None}
    assert left == {"id", "email_confirmed", "role", "created_at", "updated_at", "erased_at"}
    sessions = database.execute("SELECT 1 FROM sessions WHERE user_id = %s", [ahmed.id])
    assert sessions.fetchall() == []
    login = client.post("/api/auth/login", json={"email": ahmed.email, "password": PASSWORD})
    problem(login, 401, "bad-credentials")
    problem(client.get(ahmed.url, headers=admin.auth), 404, "not-found")


def test_no_table_contains_the_name_or_the_email_of_an_erased_account(
    client: httpx2.Client, database: psycopg.Connection
) -> None:
    """A deletion also erases waiting messages and jobs, and the new email of a pending change."""
    name, new = new_email().partition("@")[0], new_email()
    account = sign_up(client, name=name)
    change = {"email": new, "current_password": PASSWORD}
    assert _put_email(client, account, change).status_code == 202
    personal = (name, account.email, new)
    assert _tables_with(database, personal) == {"users", "messages"}
    headers = {**account.auth, "If-Match": account.etag}
    assert client.delete(account.url, headers=headers).status_code == 204
    assert _tables_with(database, personal) == set()  # check 48


def _tables_with(database: psycopg.Connection, texts: tuple[str, ...]) -> set[str]:
    tables = database.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    query = sql.SQL("SELECT t::text FROM {} AS t")
    return {
        table
        for (table,) in tables.fetchall()
        for (row,) in database.execute(query.format(sql.Identifier(table)))
        if any(text in row for text in texts)
    }


def test_the_email_of_an_erased_account_can_be_used_again(
    client: httpx2.Client, ahmed: Account
) -> None:
    """The new account has another id."""
    headers = {**ahmed.auth, "If-Match": ahmed.etag}
    assert client.delete(ahmed.url, headers=headers).status_code == 204
    again = client.post("/api/users", json=signup_body(email=ahmed.email))
    assert again.status_code == 201
    assert again.json()["id"] != ahmed.id


def test_of_concurrent_deletions_one_succeeds(client: httpx2.Client, ahmed: Account) -> None:
    """For the other requests, the version, the session or the account no longer exists."""
    headers = {**ahmed.auth, "If-Match": ahmed.etag}
    responses = at_once([lambda: client.delete(ahmed.url, headers=headers)] * 10)
    found = statuses(responses)
    assert found.pop(204) == 1
    assert set(found) <= {401, 404, 412}
