"""Where am I signed in: the list of one's sessions, and ending one of them."""

from typing import Any

import httpx2
import psycopg
import pytest

from tests.accounts import Account, sign_up
from tests.integration.signed_in import (
    Tokens,
    browser_of,
    me,
    move,
    refresh,
    signed_in,
    tokens_in,
)
from tests.integration.wire import exchange, problem, raw_status
from tests.service import Service

URL = "/api/auth/sessions"
MISSING = 2**62
LARGEST = 2**63 - 1


@pytest.fixture(scope="module")
def owner(client: httpx2.Client) -> Account:
    """Whose sessions these are."""
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
    response = client.get(URL, params=query, headers=headers)
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


def _ids(items: list[dict[str, Any]]) -> list[int]:
    return [item["id"] for item in items]


def test_the_list_has_tokens_and_cookies_newest_first_and_says_which_is_this_one(
    client: httpx2.Client, owner: Account, tokens: Tokens
) -> None:
    """The contract's fields and no others; each caller is `current` in their own session."""
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
    response = client.get(URL, headers=tokens.auth)
    assert response.headers["Cache-Control"] == "private, no-cache"
    again = {**tokens.auth, "If-None-Match": response.headers["ETag"]}
    assert client.get(URL, headers=again).status_code == 304
    assert _ids(_listed(client, tokens_in(refresh(client, tokens.refresh)).auth)) == expected


def test_each_session_is_under_its_own_path(
    client: httpx2.Client, owner: Account, tokens: Tokens
) -> None:
    """The same as in the list; HEAD and OPTIONS as everywhere."""
    other = signed_in(client, owner)
    for item in _listed(client, tokens.auth):
        response = client.get(f"{URL}/{item['id']}", headers=tokens.auth)
        assert response.json() == item
        head = client.head(f"{URL}/{item['id']}", headers=tokens.auth)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["ETag"] == response.headers["ETag"]
    assert client.head(URL, headers=tokens.auth).status_code == 200
    assert client.options(URL).headers["Allow"] == "GET, HEAD, OPTIONS"
    allow = client.options(f"{URL}/{other.session_id}").headers["Allow"]
    assert allow == "DELETE, GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("sent", "kept"),
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
def test_the_user_agent_is_kept_as_it_named_itself(
    service: Service, client: httpx2.Client, owner: Account, tokens: Tokens,
    sent: bytes, kept: str | None,
) -> None:  # fmt: skip
    """Cut after 256 characters; whatever bytes they are, the list shows them."""
    body = b'{"email": "%s", "password": "%s"}' % (owner.email.encode(), owner.password.encode())
    head = b"POST /api/auth/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    answer = exchange(service, head + b"User-Agent: " + sent + b"\r\n\r\n" + body)
    assert raw_status(answer) == 200  # check 29
    newest = _listed(client, tokens.auth, limit=1)
    assert newest[0]["user_agent"] == kept


def test_pages_lead_through_the_whole_list(
    client: httpx2.Client, owner: Account, tokens: Tokens, database: psycopg.Connection
) -> None:
    """By Link or cursor, without repeating or skipping what is there all the time."""
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
    seen: list[int] = []
    target: str | None = f"{URL}?limit=10"
    while target is not None:
        response = client.get(target, headers=tokens.auth)
        seen += _ids(response.json()["items"])
        database.execute("DELETE FROM sessions WHERE id = %s", [seen[-1]])
        following = response.links.get("next")
        assert (response.json()["next_cursor"] is None) == (following is None)
        target = following["url"] if following else None
        assert response.links["first"]["url"] == f"{URL}?limit=10"
    assert seen == whole
    for cursor in ("", "x", "MQ=="):
        response = client.get(URL, params={"cursor": cursor}, headers=signed_in(client, owner).auth)
        problem(response, 400, "malformed-cursor")


def test_what_has_ended_is_neither_listed_nor_found(
    client: httpx2.Client, owner: Account, tokens: Tokens, database: psycopg.Connection
) -> None:
    """Signed out, unused for a week, or a month old."""
    out, idle, old, live = (signed_in(client, owner) for _ in range(4))
    assert client.post("/api/auth/logout", headers=out.auth).status_code == 204
    move(database, idle.session_id, last_used_at="-7 days")
    move(database, old.session_id, expires_at="0 s")
    assert _ids(_listed(client, tokens.auth)) == [live.session_id, tokens.session_id]  # check 23
    assert _ids(_listed(client, tokens.auth, limit=1)) == [live.session_id]
    for gone in (out, idle, old):
        response = client.get(f"{URL}/{gone.session_id}", headers=tokens.auth)
        problem(response, 404, "not-found")  # check 23


@pytest.mark.parametrize(("moved", "left"), [("-50 s", 50), ("-61 s", 0)])
def test_a_use_is_noted_to_the_minute(
    client: httpx2.Client, owner: Account, database: psycopg.Connection, moved: str, left: int
) -> None:
    """Not each request writes; one that comes a minute later does."""
    query = "SELECT round(extract(epoch FROM now() - last_used_at)) FROM sessions WHERE id = %s"
    tokens, browser = signed_in(client, owner), browser_of(client, owner)
    for session_id, headers in (
        (tokens.session_id, tokens.auth),
        (browser.session_id, browser.auth),
    ):
        move(database, session_id, last_used_at=moved)
        assert me(client, headers).status_code == 200
        row = database.execute(query, [session_id]).fetchone()
        assert row is not None
        assert abs(int(row[0]) - left) <= 5


@pytest.mark.parametrize("sign_in", [signed_in, browser_of], ids=["tokens", "cookie"])
def test_a_user_has_at_most_100_sessions(
    client: httpx2.Client,
    tokens: Tokens,
    owner: Account,
    database: psycopg.Connection,
    sign_in: Any,
) -> None:
    """One more ends the session that was not used for the longest time, also where it is known."""
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
    counted = "SELECT count(*) FROM sessions WHERE user_id = %s"
    assert database.execute(counted, [owner.id]).fetchone() == (100,)  # check 53
