"""One session by its id: its owner ends it, and to anybody else it is not there."""

from functools import partial

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.signed_in import Tokens, all_refused, browser_of, me, signed_in
from tests.integration.wire import at_once, problem, statuses

URL = "/api/auth/sessions"
MISSING = 2**62
LARGEST = 2**63 - 1


@pytest.fixture
def tokens(client: httpx2.Client, somebody: Account) -> Tokens:
    """A session of the owner's."""
    return signed_in(client, somebody)


def _seen(response: httpx2.Response) -> tuple[int, bytes, dict[str, str]]:
    changing = {"date", "ratelimit"}
    headers = {name: value for name, value in response.headers.items() if name not in changing}
    return response.status_code, response.content, headers


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "PATCH", "PUT", "POST", "OPTIONS"])
@pytest.mark.parametrize("extra", [{}, {"If-None-Match": "*"}, {"If-None-Match": "x"}], ids=str)
def test_somebody_elses_session_looks_like_a_missing_one(
    client: httpx2.Client, tokens: Tokens, stranger: Account, method: str, extra: dict[str, str]
) -> None:
    """Status, headers and body are the same byte for byte, and it goes on."""
    headers = {**stranger.auth, **extra, "X-Request-ID": "the-same"}
    answers = [
        client.request(method, f"{URL}/{session_id}", headers=headers)
        for session_id in (tokens.session_id, MISSING, LARGEST)
    ]
    assert _seen(answers[0]) == _seen(answers[1]) == _seen(answers[2])  # check 24
    if method in {"GET", "HEAD", "DELETE"} and "x" not in extra.values():
        assert answers[0].status_code == 404  # check 24
    assert me(client, tokens.auth).status_code == 200


@pytest.mark.parametrize("session_id", ["0", "-1", "01", "+1", "1.0", "x", "current", str(2**63)])
def test_what_is_no_id_gets_422(client: httpx2.Client, stranger: Account, session_id: str) -> None:
    """An id has one spelling; without a session nobody learns even that."""
    for method in ("GET", "DELETE"):
        response = client.request(method, f"{URL}/{session_id}", headers=stranger.auth)
        document = problem(response, 422, "invalid-content")
        assert [error["parameter"] for error in document["errors"]] == ["session_id"]
        problem(client.request(method, f"{URL}/{session_id}"), 401, "unauthenticated")


def test_ending_another_of_ones_sessions_leaves_this_one(
    client: httpx2.Client, somebody: Account, tokens: Tokens
) -> None:
    """A lost phone is out at once, and a lost laptop's browser."""
    phone, laptop = signed_in(client, somebody), browser_of(client, somebody)
    for headers, session_id in ((phone.auth, phone.session_id), (laptop.auth, laptop.session_id)):
        assert me(client, headers).status_code == 200
        response = client.delete(f"{URL}/{session_id}", headers=tokens.auth)
        assert (response.status_code, response.content) == (204, b"")
        assert "Set-Cookie" not in response.headers
        assert me(client, headers).status_code == 401  # check 17
        again = client.delete(f"{URL}/{session_id}", headers=tokens.auth)
        problem(again, 404, "not-found")
    all_refused(client, phone)  # check 17
    assert me(client, tokens.auth).status_code == 200


def test_ending_the_current_session_is_signing_out(client: httpx2.Client, tokens: Tokens) -> None:
    """Its tokens are refused at once."""
    assert client.delete(f"{URL}/{tokens.session_id}", headers=tokens.auth).status_code == 204
    all_refused(client, tokens)  # check 17


def test_of_two_who_end_a_session_at_once_one_finds_it(
    client: httpx2.Client, somebody: Account, tokens: Tokens
) -> None:
    """204 for the one, 404 for the others."""
    other = signed_in(client, somebody)
    end = partial(client.delete, f"{URL}/{other.session_id}", headers=tokens.auth)
    assert statuses(at_once([end] * 5)) == {204: 1, 404: 4}
