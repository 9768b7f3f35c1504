"""The load balancer compresses responses for clients that accept it."""

import gzip
import http.client
from collections.abc import Mapping

import pytest

from tests.accounts import signup_body
from tests.e2e.local_stack import LocalStack


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


def _compressed_etag(etag: str, coding: str) -> str:
    return f'{etag[:-1]}-{coding}"'


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui.css", "/problems"])
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_long_response_is_compressed_for_a_client_that_accepts_it(
    stack: LocalStack, path: str, coding: str
) -> None:
    """The response has Content-Encoding and its own ETag. With this ETag, a second GET gets 304."""
    uncompressed, uncompressed_body = _get(stack, path, {})
    assert uncompressed.headers["Content-Encoding"] is None
    response, body = _get(stack, path, {"Accept-Encoding": coding})
    assert response.headers["Content-Encoding"] == coding
    assert "Accept-Encoding" in response.headers["Vary"]
    assert len(body) < len(uncompressed_body) / 2
    if coding == "gzip":
        assert gzip.decompress(body) == uncompressed_body
    etag = response.headers["ETag"]
    assert etag == _compressed_etag(uncompressed.headers["ETag"], coding)
    headers = {"Accept-Encoding": coding, "If-None-Match": etag}
    assert _get(stack, path, headers)[0].status == 304


def test_a_short_response_is_not_compressed(stack: LocalStack) -> None:
    """Compression would hardly make a short response smaller."""
    response, _ = _get(stack, "/livez", {"Accept-Encoding": "zstd, gzip"})
    assert response.headers["Content-Encoding"] is None


def test_the_etag_of_a_compressed_response_works_in_if_match(stack: LocalStack) -> None:
    """A change with this ETag succeeds. After the change, an ETag of the old version gets 412."""
    body = signup_body()
    created = stack.request("POST", "/api/users", body=body)
    login = {"email": body["email"], "password": body["password"]}
    token = stack.request("POST", "/api/auth/login", body=login).json()["access_token"]
    etag = created.headers["ETag"]
    for coding, name, status in [("zstd", "One", 200), ("gzip", "Two", 412)]:
        response = stack.request(
            "PATCH",
            created.headers["Location"],
            body={"name": name},
            headers={
                "Authorization": f"Bearer {token}",
                "If-Match": _compressed_etag(etag, coding),
            },
        )
        assert response.status == status
