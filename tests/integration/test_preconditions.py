"""Conditional requests: If-Match, If-None-Match, and which refusal comes first."""

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.wire import JSON, problem

_STRANGE = ["abc", "W/abc", '"abc', 'abc"', '"a" "b"', '"a"b', 'w/"abc"', "**", '*, "a"', "W/",
            '"a b"', ",", ""]  # fmt: skip


def _conditional(client: httpx2.Client, account: Account, value: str) -> httpx2.Response:
    return client.get(account.url, headers={**account.auth, "If-None-Match": value})


@pytest.mark.parametrize(
    "form", ["{}", "W/{}", '"x", {}', '{}, "x"', '"x",W/{},"y"', "*", '"",{}', ", {} ,,"]
)
def test_who_has_this_version_gets_304(client: httpx2.Client, somebody: Account, form: str) -> None:
    """If-None-Match compares weakly, takes lists, and the star fits whatever is there."""
    response = _conditional(client, somebody, form.format(somebody.etag))
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["ETag"] == somebody.etag
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("form", ['"x"', 'W/"x"', '"x", "y"', '""'])
def test_who_has_another_version_gets_the_current_one(
    client: httpx2.Client, somebody: Account, form: str
) -> None:
    """200 with the body."""
    response = _conditional(client, somebody, form)
    assert (response.status_code, response.headers["ETag"]) == (200, somebody.etag)


def test_several_header_lines_are_one_list(client: httpx2.Client, somebody: Account) -> None:
    """RFC 9110, section 5.3."""
    token = ("Authorization", f"Bearer {somebody.token}")
    headers = [token, ("If-None-Match", '"x"'), ("If-None-Match", somebody.etag)]
    assert client.get(somebody.url, headers=headers).status_code == 304


def test_head_gets_304_too(client: httpx2.Client, somebody: Account) -> None:
    """HEAD is GET without the body."""
    headers = {**somebody.auth, "If-None-Match": somebody.etag}
    assert client.head(somebody.url, headers=headers).status_code == 304


@pytest.mark.parametrize("value", _STRANGE)
def test_entity_tags_without_their_quotes_get_400(
    client: httpx2.Client, somebody: Account, value: str
) -> None:
    """A tag is quoted; one that is not has been cut out of its header by mistake."""
    problem(_conditional(client, somebody, value), 400, "malformed-header")
    for method in ("PATCH", "DELETE"):
        headers = {**JSON, **somebody.auth, "If-Match": value}
        response = client.request(method, somebody.url, content=b"{}", headers=headers)
        problem(response, 400, "malformed-header")


def test_etags_are_strong_and_follow_the_content(client: httpx2.Client, ahmed: Account) -> None:
    """Another version has another tag, and nothing else has."""
    headers = {**ahmed.auth, "If-Match": ahmed.etag}
    changed = client.patch(ahmed.url, json={"name": "B"}, headers=headers).headers["ETag"]
    assert changed != ahmed.etag
    assert changed.startswith('"')
    assert _conditional(client, ahmed, ahmed.etag).status_code == 200
    assert _conditional(client, ahmed, changed).status_code == 304


@pytest.mark.parametrize("form", ["{}", '"x", {}', "*"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_to_the_version_that_is_there_goes_through(
    client: httpx2.Client, ahmed: Account, method: str, form: str
) -> None:
    """If-Match takes lists and the star, too."""
    headers = {**JSON, **ahmed.auth, "If-Match": form.format(ahmed.etag)}
    response = client.request(method, ahmed.url, content=b'{"name":"B"}', headers=headers)
    assert response.status_code == {"PATCH": 200, "DELETE": 204}[method]


@pytest.mark.parametrize("form", ['"x"', "W/{}", '"x", W/{}', '""'])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_to_another_version_gets_412(
    client: httpx2.Client, somebody: Account, method: str, form: str
) -> None:
    """If-Match compares strongly: a weak tag never fits, not even the right one."""
    headers = {**JSON, **somebody.auth, "If-Match": form.format(somebody.etag)}
    response = client.request(method, somebody.url, content=b'{"name":"B"}', headers=headers)
    problem(response, 412, "precondition-failed")
    assert _conditional(client, somebody, somebody.etag).status_code == 304


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_without_a_version_gets_428(
    client: httpx2.Client, somebody: Account, method: str
) -> None:
    """Nobody overwrites what they have not read; the answer says which header to send."""
    headers = {**JSON, **somebody.auth}
    response = client.request(method, somebody.url, content=b'{"name":"B"}', headers=headers)
    assert "If-Match" in problem(response, 428, "precondition-required")["detail"]


def test_what_is_wrong_with_the_caller_or_the_body_is_said_first(
    client: httpx2.Client, somebody: Account, stranger: Account
) -> None:
    """401 before 404 before 400 for the header, 422 before 428 and 412."""

    def patch(headers: dict[str, str], body: object) -> int:
        return client.patch(somebody.url, json=body, headers=headers).status_code

    good, bad = {"name": "B"}, {"name": ""}
    assert patch({}, good) == 401
    assert patch({"If-Match": "unquoted"}, bad) == 401
    assert patch(stranger.auth, bad) == 404
    assert patch({**stranger.auth, "If-Match": "unquoted"}, good) == 404
    assert patch({**somebody.auth, "If-Match": "unquoted"}, good) == 400
    assert patch(somebody.auth, bad) == 422
    assert patch({**somebody.auth, "If-Match": '"stale"'}, bad) == 422
