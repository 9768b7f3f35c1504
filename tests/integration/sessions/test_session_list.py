"""A user can list their sessions, and read each one."""

from typing import Any

import httpx2
import psycopg
import pytest

from tests.accounts import Account, sign_up
from tests.integration.signed_in import (
    Tokens,
    browser_of,
    me,
    refresh,
    set_times,
    signed_in,
    tokens_in,
)
from tests.integration.wire import exchange, problem, raw_status
from tests.service import Service

SESSIONS = "/api/auth/sessions"


@pytest.fixture(scope="module")
def owner(client: httpx2.Client) -> Account:
    """The owner of the sessions."""
    return sign_up(client)


@pytest.fixture
def tokens(client: httpx2.Client, owner: Account, database: psycopg.Connection) -> Tokens:
    """The owner's only session."""
    tokens = signed_in(client, owner)
    database.execute(
        "DELETE FROM sessions WHERE user_id = %s AND id <> %s", [owner.id, tokens.session_id]
    )
    return tokens


def _listed(client: httpx2.Client, headers: dict[str, str], **query: Any) -> list[dict[str, Any]]:
    response = client.get(SESSIONS, params=query, headers=headers)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


def _ids(items: list[dict[str, Any]]) -> list[int]:
    return [item["id"] for item in items]


def test_the_list_has_all_sessions_newest_first_and_marks_the_current_one(
    client: httpx2.Client, owner: Account, tokens: Tokens
) -> None:
    """Items have exactly the fields of the contract, for token and cookie sessions."""
    browser, newest = browser_of(client, owner), signed_in(client, owner)
    expected = [newest.session_id, browser.session_id, tokens.session_id]
    for headers, own in ((tokens.auth, tokens), (browser.auth, browser), (newest.auth, newest)):
        items = _listed(client, headers)
        assert _ids(items) == expected
        assert [item["id"] for item in items if item["current"]] == [own.session_id]
    for item in items:
        fields = {"id", "created_at", "last_used_at", "user_agent", "current"}
        assert set(item) == fields  # check 27
        assert item["created_at"].endswith("Z")
    response = client.get(SESSIONS, headers=tokens.auth)
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert _ids(_listed(client, tokens_in(refresh(client, tokens.refresh)).auth)) == expected


def test_each_session_has_its_own_path(
    client: httpx2.Client, owner: Account, tokens: Tokens
) -> None:
    """The path returns the same JSON as the list, and supports HEAD and OPTIONS."""
    other = signed_in(client, owner)
    for item in _listed(client, tokens.auth):
        response = client.get(f"{SESSIONS}/{item['id']}", headers=tokens.auth)
        assert response.json() == item
        head = client.head(f"{SESSIONS}/{item['id']}", headers=tokens.auth)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["ETag"] == response.headers["ETag"]
    assert client.head(SESSIONS, headers=tokens.auth).status_code == 200
    assert client.options(SESSIONS).headers["Allow"] == "GET, HEAD, OPTIONS"
    allow = client.options(f"{SESSIONS}/{other.session_id}").headers["Allow"]
    assert allow == "DELETE, GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b"Firefox on a phone", "Firefox on a phone"),
        (b"", None),
        (b"x" * 5000, "x" * 256),
        (b"\xff\xfe\xe9", "\xff\xfe\xe9"),
        (b"tab\there", "tab\there"),
        (b"<script>%00\\u0000{}'\"", "<script>%00\\u0000{}'\""),
    ],
    ids=["plain", "empty", "long", "odd bytes", "tab", "markup"],
)
def test_the_user_agent_is_stored_up_to_256_characters(
    service: Service, client: httpx2.Client, owner: Account, tokens: Tokens,
    sent: bytes, stored: str | None,
) -> None:  # fmt: skip
    """The rest of a longer User-Agent is cut off. The value may contain any bytes."""
    body = b'{"email": "%s", "password": "%s"}' % (owner.email.encode(), owner.password.encode())
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    response = exchange(service, head + b"User-Agent: " + sent + b"\r\n\r\n" + body)
    assert raw_status(response) == 200  # check 29
    newest = _listed(client, tokens.auth, limit=1)
    assert newest[0]["user_agent"] == stored


def test_next_links_lead_through_the_whole_list(
    client: httpx2.Client, owner: Account, tokens: Tokens, database: psycopg.Connection
) -> None:
    """No session is repeated or missing, although the last session of each page ends."""
    database.execute(
        "INSERT INTO sessions (user_id, cookie_hash, expires_at) SELECT %s, "
        "sha256(('paging' || n || now())::bytea), now() + interval '1 h' "
        "FROM generate_series(1, 24) n",
        [owner.id],
    )
    whole = _ids(_listed(client, tokens.auth, limit=100))
    assert len(whole) == 25
    assert whole == sorted(whole, reverse=True)
    assert _ids(_listed(client, tokens.auth)) == whole[:20]
    listed: list[int] = []
    target: str | None = f"{SESSIONS}?limit=10"
    while target is not None:
        response = client.get(target, headers=tokens.auth)
        listed += _ids(response.json()["items"])
        database.execute("DELETE FROM sessions WHERE id = %s", [listed[-1]])
        following = response.links.get("next")
        assert (response.json()["next_cursor"] is None) == (following is None)
        target = following["url"] if following else None
        assert response.links["first"]["url"] == f"{SESSIONS}?limit=10"
    assert listed == whole


def test_an_ended_session_is_neither_listed_nor_found(
    client: httpx2.Client, owner: Account, tokens: Tokens, database: psycopg.Connection
) -> None:
    """A session has ended if it has signed out, was unused for a week, or is a month old."""
    signed_out, idle, old, live = (signed_in(client, owner) for _ in range(4))
    assert client.post("/api/auth/logout", headers=signed_out.auth).status_code == 204
    set_times(database, idle.session_id, last_used_at="-7 days")
    set_times(database, old.session_id, expires_at="0 s")
    assert _ids(_listed(client, tokens.auth)) == [live.session_id, tokens.session_id]  # check 23
    assert _ids(_listed(client, tokens.auth, limit=1)) == [live.session_id]
    for gone in (signed_out, idle, old):
        response = client.get(f"{SESSIONS}/{gone.session_id}", headers=tokens.auth)
        problem(response, 404, "not-found")  # check 23


@pytest.mark.parametrize(("last_used_at", "expected_age"), [("-50 s", 50), ("-61 s", 0)])
def test_the_time_of_last_use_is_updated_at_most_once_a_minute(
    client: httpx2.Client,
    owner: Account,
    database: psycopg.Connection,
    last_used_at: str,
    expected_age: int,
) -> None:
    """Most requests do not write to the database."""
    query = "SELECT round(extract(epoch FROM now() - last_used_at)) FROM sessions WHERE id = %s"
    tokens, browser = signed_in(client, owner), browser_of(client, owner)
    for session_id, headers in (
        (tokens.session_id, tokens.auth),
        (browser.session_id, browser.auth),
    ):
        set_times(database, session_id, last_used_at=last_used_at)
        assert me(client, headers).status_code == 200
        (row,) = database.execute(query, [session_id])
        assert abs(int(row[0]) - expected_age) <= 5


@pytest.mark.parametrize("sign_in", [signed_in, browser_of], ids=["tokens", "cookie"])
def test_a_user_has_at_most_100_sessions(
    client: httpx2.Client,
    tokens: Tokens,
    owner: Account,
    database: psycopg.Connection,
    sign_in: Any,
) -> None:
    """A further sign-in ends the session with the earliest last use, even a cached session."""
    database.execute(
        "INSERT INTO sessions (user_id, cookie_hash, expires_at) SELECT %s, "
        "sha256(('most' || n || now())::bytea), now() + interval '1 h' "
        "FROM generate_series(1, 99) n",
        [owner.id],
    )
    database.execute(
        "UPDATE sessions SET last_used_at = now() - interval '30 s' WHERE id = %s",
        [tokens.session_id],
    )
    assert me(client, tokens.auth).status_code == 200
    newest = sign_in(client, owner)
    problem(me(client, tokens.auth), 401, "invalid-token")
    assert me(client, newest.auth).status_code == 200
    count_query = "SELECT count(*) FROM sessions WHERE user_id = %s"
    assert database.execute(count_query, [owner.id]).fetchone() == (100,)  # check 53
