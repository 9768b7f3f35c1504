"""Conditional requests: If-Match, If-None-Match, and the precedence of errors."""

import httpx2
import pytest

from tests.accounts import Account
from tests.integration.wire import JSON, problem

_MALFORMED_TAGS = ["abc", "W/abc", '"abc', 'abc"', '"a" "b"', '"a"b', 'w/"abc"', "**", '*, "a"',
                   "W/", '"a b"', ",", ""]  # fmt: skip


def _conditional(client: httpx2.Client, account: Account, value: str) -> httpx2.Response:
    return client.get(account.url, headers={**account.auth, "If-None-Match": value})


@pytest.mark.parametrize(
    "form", ["{}", "W/{}", '"x", {}', '{}, "x"', '"x",W/{},"y"', "*", '"",{}', ", {} ,,"]
)
def test_if_none_match_with_the_current_etag_gets_304(
    client: httpx2.Client, shared_user: Account, form: str
) -> None:
    """If-None-Match compares weakly, accepts lists, and `*` matches any version."""
    response = _conditional(client, shared_user, form.format(shared_user.etag))
    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["ETag"] == shared_user.etag
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert "Content-Type" not in response.headers


@pytest.mark.parametrize("form", ['"x"', 'W/"x"', '"x", "y"', '""'])
def test_if_none_match_with_another_etag_gets_200(
    client: httpx2.Client, shared_user: Account, form: str
) -> None:
    """The response has the current version."""
    response = _conditional(client, shared_user, form)
    assert (response.status_code, response.headers["ETag"]) == (200, shared_user.etag)


def test_several_header_lines_are_one_list(client: httpx2.Client, shared_user: Account) -> None:
    """RFC 9110, section 5.3: two If-None-Match lines mean the same as one line with both."""
    token = ("Authorization", f"Bearer {shared_user.token}")
    headers = [token, ("If-None-Match", '"x"'), ("If-None-Match", shared_user.etag)]
    assert client.get(shared_user.url, headers=headers).status_code == 304


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_the_etag_of_a_compressed_response_gets_304(
    client: httpx2.Client, shared_user: Account, coding: str
) -> None:
    """The load balancer adds the coding to the ETag, but the version is the same."""
    response = _conditional(client, shared_user, f'{shared_user.etag[:-1]}-{coding}"')
    assert response.status_code == 304


def test_head_gets_304_too(client: httpx2.Client, shared_user: Account) -> None:
    """HEAD has the same status as GET."""
    headers = {**shared_user.auth, "If-None-Match": shared_user.etag}
    assert client.head(shared_user.url, headers=headers).status_code == 304


@pytest.mark.parametrize("value", _MALFORMED_TAGS)
def test_a_malformed_etag_gets_400(client: httpx2.Client, shared_user: Account, value: str) -> None:
    """Quotes are part of an ETag, and some clients omit them by mistake."""
    problem(_conditional(client, shared_user, value), 400, "malformed-header")
    for method in ("PATCH", "DELETE"):
        headers = {**JSON, **shared_user.auth, "If-Match": value}
        response = client.request(method, shared_user.url, content=b"{}", headers=headers)
        problem(response, 400, "malformed-header")


def test_etags_are_strong_and_change_with_the_content(
    client: httpx2.Client, ahmed: Account
) -> None:
    """Each version has an ETag of its own."""
    headers = {**ahmed.auth, "If-Match": ahmed.etag}
    changed = client.patch(ahmed.url, json={"name": "B"}, headers=headers).headers["ETag"]
    assert changed != ahmed.etag
    assert changed.startswith('"')
    assert _conditional(client, ahmed, ahmed.etag).status_code == 200
    assert _conditional(client, ahmed, changed).status_code == 304


@pytest.mark.parametrize("form", ["{}", '"x", {}', "*"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_with_the_current_etag_succeeds(
    client: httpx2.Client, ahmed: Account, method: str, form: str
) -> None:
    """If-Match also accepts lists and `*`."""
    headers = {**JSON, **ahmed.auth, "If-Match": form.format(ahmed.etag)}
    response = client.request(method, ahmed.url, content=b'{"name":"B"}', headers=headers)
    assert response.status_code == {"PATCH": 200, "DELETE": 204}[method]


@pytest.mark.parametrize("form", ['"x"', "W/{}", '"x", W/{}', '""'])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_with_another_etag_gets_412(
    client: httpx2.Client, shared_user: Account, method: str, form: str
) -> None:
    """If-Match compares strongly, so a weak ETag never matches."""
    headers = {**JSON, **shared_user.auth, "If-Match": form.format(shared_user.etag)}
    response = client.request(method, shared_user.url, content=b'{"name":"B"}', headers=headers)
    problem(response, 412, "precondition-failed")
    assert _conditional(client, shared_user, shared_user.etag).status_code == 304


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_without_if_match_gets_428(
    client: httpx2.Client, shared_user: Account, method: str
) -> None:
    """A client cannot overwrite a version that it has not read. The problem names If-Match."""
    headers = {**JSON, **shared_user.auth}
    response = client.request(method, shared_user.url, content=b'{"name":"B"}', headers=headers)
    assert "If-Match" in problem(response, 428, "precondition-required")["detail"]


def test_errors_of_the_caller_and_the_body_precede_preconditions(
    client: httpx2.Client, shared_user: Account, other_user: Account
) -> None:
    """401 and 404 precede 400 for the header and 422 for the body. 422 precedes 428 and 412."""

    def patch(headers: dict[str, str], body: object) -> int:
        return client.patch(shared_user.url, json=body, headers=headers).status_code

    good, bad = {"name": "B"}, {"name": ""}
    assert patch({}, good) == 401
    assert patch({"If-Match": "unquoted"}, bad) == 401
    assert patch(other_user.auth, bad) == 404
    assert patch({**other_user.auth, "If-Match": "unquoted"}, good) == 404
    assert patch({**shared_user.auth, "If-Match": "unquoted"}, good) == 400
    assert patch(shared_user.auth, bad) == 422
    assert patch({**shared_user.auth, "If-Match": '"stale"'}, bad) == 422
