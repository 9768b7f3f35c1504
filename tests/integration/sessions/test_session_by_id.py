"""One session by its id: its owner can end it, and other users get 404."""

from functools import partial

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.signed_in import Tokens, assert_tokens_refused, browser_of, me, signed_in
from tests.integration.wire import at_once, comparable, problem, statuses

SESSIONS = "/api/auth/sessions"
MISSING = 2**62
LARGEST = 2**63 - 1


@pytest.fixture
def tokens(client: httpx2.Client, shared_user: Account) -> Tokens:
    """A session of `shared_user`."""
    return signed_in(client, shared_user)


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PATCH", "PUT", "POST", "OPTIONS"])
@pytest.mark.parametrize(
    "conditions", [{}, {"If-None-Match": "*"}, {"If-None-Match": "x"}], ids=str
)
def test_another_users_session_looks_like_a_missing_one(
    client: httpx2.Client,
    tokens: Tokens,
    other_user: Account,
    method: str,
    conditions: dict[str, str],
) -> None:
    """Status, headers and body are identical byte for byte, and the session continues."""
    headers = {**other_user.auth, **conditions, "X-Request-ID": "the-same"}
    responses = [
        client.request(method, f"{SESSIONS}/{session_id}", headers=headers)
        for session_id in (tokens.session_id, MISSING, LARGEST)
    ]
    assert (
        comparable(responses[0]) == comparable(responses[1]) == comparable(responses[2])
    )  # check 24
    if method in {"GET", "HEAD", "DELETE"} and "x" not in conditions.values():
        assert responses[0].status_code == 404  # check 24
    assert me(client, tokens.auth).status_code == 200


@pytest.mark.parametrize("session_id", ["0", "-1", "01", "+1", "1.0", "x", "current", str(2**63)])
def test_an_invalid_session_id_gets_422(
    client: httpx2.Client, other_user: Account, session_id: str
) -> None:
    """An id has one spelling. A client that is not signed in gets 401."""
    for method in ("GET", "DELETE"):
        response = client.request(method, f"{SESSIONS}/{session_id}", headers=other_user.auth)
        document = problem(response, 422, "invalid-content")
        assert [error["parameter"] for error in document["errors"]] == ["session_id"]
        problem(client.request(method, f"{SESSIONS}/{session_id}"), 401, "unauthenticated")


def test_a_user_can_end_another_of_their_sessions(
    client: httpx2.Client, shared_user: Account, tokens: Tokens
) -> None:
    """The other session ends at once, and the current one continues."""
    phone, laptop = signed_in(client, shared_user), browser_of(client, shared_user)
    for headers, session_id in ((phone.auth, phone.session_id), (laptop.auth, laptop.session_id)):
        assert me(client, headers).status_code == 200
        response = client.delete(f"{SESSIONS}/{session_id}", headers=tokens.auth)
        assert (response.status_code, response.content) == (204, b"")
        assert "Set-Cookie" not in response.headers
        assert me(client, headers).status_code == 401  # check 17
        again = client.delete(f"{SESSIONS}/{session_id}", headers=tokens.auth)
        problem(again, 404, "not-found")
    assert_tokens_refused(client, phone)  # check 17
    assert me(client, tokens.auth).status_code == 200


def test_ending_the_current_session_signs_out(client: httpx2.Client, tokens: Tokens) -> None:
    """The tokens of the session are refused at once."""
    assert client.delete(f"{SESSIONS}/{tokens.session_id}", headers=tokens.auth).status_code == 204
    assert_tokens_refused(client, tokens)  # check 17


def test_of_concurrent_requests_to_end_a_session_one_succeeds(
    client: httpx2.Client, shared_user: Account, tokens: Tokens
) -> None:
    """One request gets 204, and the other requests get 404."""
    other = signed_in(client, shared_user)
    end = partial(client.delete, f"{SESSIONS}/{other.session_id}", headers=tokens.auth)
    assert statuses(at_once([end] * 5)) == {204: 1, 404: 4}
