"""Compressed responses, as the load balancer sends them to clients that take them."""

import gzip
import http.client
from collections.abc import Mapping
from secrets import token_hex

import pytest

from tests.e2e.local_stack import LocalStack, signup


def _get(
    stack: LocalStack, path: str, headers: Mapping[str, str]
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection("localhost", stack.http_port, timeout=30)
    try:
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def _compressed(tag: str, coding: str) -> str:
    return f'{tag[:-1]}-{coding}"'


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui.css", "/problems"])
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_long_response_is_compressed_for_a_client_that_takes_it(
    stack: LocalStack, path: str, coding: str
) -> None:
    """With the coding named, and a tag of its own that gets 304."""
    plain, whole = _get(stack, path, {})
    assert plain.headers["Content-Encoding"] is None
    response, body = _get(stack, path, {"Accept-Encoding": coding})
    assert response.headers["Content-Encoding"] == coding
    assert "Accept-Encoding" in response.headers["Vary"]
    assert len(body) < len(whole) / 2
    if coding == "gzip":
        assert gzip.decompress(body) == whole
    tag = response.headers["ETag"]
    assert tag == _compressed(plain.headers["ETag"], coding)
    known = {"Accept-Encoding": coding, "If-None-Match": tag}
    assert _get(stack, path, known)[0].status == 304


def test_a_short_response_is_sent_as_it_is(stack: LocalStack) -> None:
    """There is nothing to gain."""
    response, _ = _get(stack, "/livez", {"Accept-Encoding": "zstd, gzip"})
    assert response.headers["Content-Encoding"] is None


def test_the_tag_of_a_compressed_response_works_in_if_match(stack: LocalStack) -> None:
    """It names the version that was compressed; that of an earlier version gets 412."""
    body = signup(f"{token_hex(8)}@example.com")
    created = stack.request("POST", "/api/users", body=body)
    login = {"email": body["email"], "password": body["password"]}
    token = stack.request("POST", "/api/auth/login", body=login).json()["access_token"]
    tag = created.headers["ETag"]
    for coding, name, status in [("zstd", "One", 200), ("gzip", "Two", 412)]:
        answer = stack.request(
            "PATCH",
            created.headers["Location"],
            body={"name": name},
            headers={"Authorization": f"Bearer {token}", "If-Match": _compressed(tag, coding)},
        )
        assert answer.status == status
