"""Hostile input gets a 4xx problem."""

import json
import time

import httpx2
import pytest

from tests.accounts import Account, signup_body
from tests.integration.wire import JSON, problem

_HEADERS = [b"X-Request-ID", b"traceparent", b"If-None-Match", b"Accept", b"Cookie",
            b"Content-Type", b"X-Forwarded-For", b"X-Forwarded-Proto", b"User-Agent"]  # fmt: skip
_ENDPOINTS = ["POST /api/users", "POST /api/auth/login", "PATCH me", "PUT me/password"]
_MALFORMED = {
    "5,000 arrays": b"[" * 5000 + b"]" * 5000,
    "5,000 objects": b'{"name":' * 5000 + b"1" + b"}" * 5000,
    "5,000 in a field": b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "unclosed": b'{"name":' * 5000,
    "NaN": b'{"name":NaN}',
    "Infinity": b'{"name":Infinity}',
    "-Infinity": b'{"name":-Infinity}',
    "lone high surrogate": b'{"name":"\\ud800"}',
    "lone low surrogate": b'{"email":"\\udfff@example.com"}',
    "swapped surrogates": b'{"password":"\\udc00\\ud800"}',
    "surrogate in a key": b'{"\\ud800":1}',
    "surrogate bytes": b'{"name":"\xed\xa0\x80"}',
    "duplicate key": b'{"name":"A","name":"B"}',
    "duplicate key, escaped": b'{"name":"A","n\\u0061me":"B"}',
    "invalid UTF-8": b'{"name":"\xff\xfe"}',
    "overlong UTF-8": b'{"name":"\xc0\xaf"}',
    "control character": b'{"name":"a\nb"}',
    "NUL byte": b'{"name":"a\x00b"}',
    "5,000 digits": b'{"name":' + b"9" * 5000 + b"}",
    "trailing comma": b'{"name":"A",}',
    "comment": b'{"name":"A"} // no',
    "two documents": b"{}{}",
    "single quotes": b"{'name':'A'}",
    "nothing but blanks": b"   ",
    "truncated": b'{"name":"A"',
}
_INVALID = {
    "NUL": b'{"name":"a\\u0000b","email":"a\\u0000@b.c","password":"a\\u0000aaaaaaaaaaaaaaaa"}',
    "NUL in a key": b'{"\\u0000":1}',
    "65 bits": b'{"name":18446744073709551616}',
    "-65 bits": b'{"name":-18446744073709551616}',
    "1e999": b'{"name":1e999}',
    "array": b"[]",
    "text": b'"text"',
    "null": b"null",
    "number": b"0",
    "empty object in a field": b'{"name":{}}',
    "unknown field": b'{"__proto__":{"role":"admin"}}',
    "4,000 unknown fields": json.dumps({f"x{n}": 1 for n in range(4000)}).encode(),
}


def _send(
    client: httpx2.Client, account: Account, endpoint: str, content: bytes
) -> httpx2.Response:
    method, path = endpoint.split()
    url = path.replace("me", account.url) if path.startswith("me") else path
    headers = {**JSON, **account.auth, "If-Match": account.etag}
    return client.request(method, url, content=content, headers=headers)


@pytest.mark.parametrize("endpoint", _ENDPOINTS)
def test_malformed_json_gets_400(
    client: httpx2.Client, shared_user: Account, endpoint: str
) -> None:
    """JSON that two parsers could read differently, such as a duplicate key, also gets 400."""
    for name, content in _MALFORMED.items():
        document = problem(_send(client, shared_user, endpoint, content), 400, "malformed-json")
        assert document["detail"].startswith("The body is not valid JSON"), name  # check 28, 29


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_gets_400_and_the_problem_names_it(
    client: httpx2.Client, encoding: str
) -> None:
    """JSON must not begin with a byte order mark (RFC 8259, section 8.1).

    The problem names the mark, because editors do not show it.
    """
    content = json.dumps(signup_body()).encode(encoding)
    response = client.post("/api/users", content=content, headers=JSON)
    document = problem(response, 400, "malformed-json")
    assert "byte order mark" in document["detail"]


@pytest.mark.parametrize("endpoint", _ENDPOINTS)
def test_well_formed_json_with_invalid_content_gets_422(
    client: httpx2.Client, shared_user: Account, endpoint: str
) -> None:
    """The problem has a JSON Pointer to each error."""
    for name, content in _INVALID.items():
        document = problem(_send(client, shared_user, endpoint, content), 422, "invalid-content")
        assert document["errors"], name  # check 29
        assert all("pointer" in error for error in document["errors"]), name


@pytest.mark.parametrize("endpoint", _ENDPOINTS)
def test_an_empty_body_gets_422(client: httpx2.Client, shared_user: Account, endpoint: str) -> None:
    """An empty body counts as a missing body, and each of these endpoints needs a body."""
    problem(_send(client, shared_user, endpoint, b""), 422, "invalid-content")


def test_a_login_with_nul_in_the_password_gets_401(
    client: httpx2.Client, shared_user: Account
) -> None:
    """No account has a password with a NUL, so this password is wrong."""
    body = {"email": shared_user.email, "password": "\x00" * 20}
    problem(client.post("/api/auth/login", json=body), 401, "bad-credentials")  # check 29


@pytest.mark.parametrize(
    "id_",
    ["0", "-1", "x", "1e3", "0x1", "NaN", "Infinity", "null", "%00", "1%00", "%FF",
     "%ED%A0%80", "%F0%9F%98%80", "%D9%A3", str(2**63), str(2**64), "9" * 400, "9" * 5000,
     "1;DROP TABLE users", "%27%20OR%201=1", "{}", "*"],
)  # fmt: skip
def test_an_invalid_id_gets_422_and_is_not_repeated(
    client: httpx2.Client, admin: Account, id_: str
) -> None:
    """An id is an integer from 1 to 2^63 - 1. An administrator gets 422 for any other id."""
    response = client.get(f"/api/users/{id_}", headers=admin.auth)
    document = problem(response, 422, "invalid-content")  # check 29
    assert [error["parameter"] for error in document["errors"]] == ["user_id"]
    assert len(id_) < 4 or id_ not in response.text


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=101", "limit=1e1", "limit=x", "limit=", "limit=%00",
     f"limit={2**64}", f"limit={'9' * 5000}", "email=%00", "email=canary-in-a-query",
     "email=a%00@example.com", f"email={'a@' * 3000}"],
)  # fmt: skip
def test_an_invalid_query_gets_422_and_is_not_repeated(
    client: httpx2.Client, admin: Account, query: str
) -> None:
    """The problem names the parameter without its value."""
    response = client.get(f"/api/users?{query}", headers=admin.auth)
    document = problem(response, 422, "invalid-content")  # check 29
    name, _, value = query.partition("=")
    assert [error["parameter"] for error in document["errors"]] == [name]
    assert len(value) < 4 or value not in response.text


@pytest.mark.parametrize("path", ["/api/users/me", "/api/users", "/nothing", "/problems/x"])
@pytest.mark.parametrize("value", [b"\xff\xfe", b"\xed\xa0\x80", b"9" * 5000, b'"', b",,,;;;=="])
def test_hostile_headers_never_break_the_service(
    client: httpx2.Client, shared_user: Account, path: str, value: bytes
) -> None:
    """An invalid header is ignored or gets a 4xx."""
    for header in _HEADERS:
        headers = [(b"Authorization", f"Bearer {shared_user.token}".encode()), (header, value)]
        response = client.get(path, headers=headers)
        assert response.status_code < 500, header  # check 29
        if response.is_error:
            assert response.headers["Content-Type"] == "application/problem+json"


def test_json_pointers_are_escaped(client: httpx2.Client) -> None:
    """RFC 6901: `~` and `/` in a field name are escaped."""
    body = signup_body(**{"a/b": 1, "m~n": 2, "": 3, "ü\n": 4})
    document = problem(client.post("/api/users", json=body), 422, "invalid-content")
    found = {error["pointer"] for error in document["errors"]}
    assert found == {"/a~1b", "/m~0n", "/", "/ü\n"}


def test_refused_values_are_never_echoed(client: httpx2.Client, shared_user: Account) -> None:
    """A problem says what is allowed, and not what was sent."""
    canary = "canary\u0001in the coal mine"
    body = {"name": canary, "email": canary, "password": [canary]}
    signup = client.post("/api/users", json=body)
    login = client.post("/api/auth/login", json={"email": [canary], "password": {"a": canary}})
    patch = client.patch(
        shared_user.url, json=body, headers={**shared_user.auth, "If-Match": shared_user.etag}
    )
    put = client.put(f"{shared_user.url}/email", json=body, headers=shared_user.auth)
    broken = client.post("/api/users", content=b'{"name":"canary', headers=JSON)
    for response in (signup, login, patch, put, broken):
        assert response.is_client_error
        assert "canary" not in response.text


@pytest.mark.parametrize("field", ["name", "email", "password"])
def test_text_that_is_slow_to_normalise_is_refused_quickly(
    client: httpx2.Client, field: str
) -> None:
    """The length is checked before the text is normalised, so that other requests do not wait."""
    body = signup_body(**{field: "\u0345\u0301" * 15_000})
    durations = []
    for _ in range(3):
        started = time.perf_counter()
        assert client.post("/api/users", json=body).status_code == 422
        durations.append(time.perf_counter() - started)
    assert min(durations) < 0.3
