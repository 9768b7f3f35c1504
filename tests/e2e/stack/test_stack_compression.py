"""The load balancer compresses responses for clients that accept it."""

import gzip

import pytest

from tests.accounts import signup_body
from tests.e2e.local_stack import LocalStack


def _compressed_etag(etag: str, coding: str) -> str:
    return f'{etag[:-1]}-{coding}"'


@pytest.mark.parametrize("path", ["/openapi.json", "/docs/swagger-ui.css", "/problems"])
@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_long_response_is_compressed_for_a_client_that_accepts_it(
    stack: LocalStack, path: str, coding: str
) -> None:
    """The response has Content-Encoding and its own ETag. With this ETag, a second GET gets 304."""
    uncompressed = stack.request("GET", path)
    assert uncompressed.headers["Content-Encoding"] is None
    response = stack.request("GET", path, headers={"Accept-Encoding": coding})
    assert response.headers["Content-Encoding"] == coding
    assert "Accept-Encoding" in response.headers["Vary"]
    assert len(response.body) < len(uncompressed.body) / 2
    if coding == "gzip":
        assert gzip.decompress(response.body) == uncompressed.body
    etag = response.headers["ETag"]
    assert etag == _compressed_etag(uncompressed.headers["ETag"], coding)
    headers = {"Accept-Encoding": coding, "If-None-Match": etag}
    assert stack.request("GET", path, headers=headers).status == 304


def test_a_short_response_is_not_compressed(stack: LocalStack) -> None:
    """Compression would hardly make a short response smaller."""
    response = stack.request("GET", "/livez", headers={"Accept-Encoding": "zstd, gzip"})
    assert response.headers["Content-Encoding"] is None


def test_the_etag_of_a_compressed_response_works_in_if_match(stack: LocalStack) -> None:
    """A change with this ETag succeeds. After the change, an ETag of the old version gets 412."""
    body = signup_body()
    created = stack.request("POST", "/api/users", body=body)
    token = stack.log_in(body["email"], body["password"])
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
