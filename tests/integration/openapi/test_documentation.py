"""Public documents and pages, and the OpenAPI document: how caches may store them."""

import httpx2
import pytest

from tests.conftest import StartService
from tests.integration.wire import problem

_PUBLIC_PATHS = ["/docs", "/docs/start.js", "/docs/style.css", "/docs/swagger-ui-bundle.js",
                 "/docs/swagger-ui.css", "/docs/favicon.png", "/problems", "/problems/not-found",
                 "/problems/static/filter.js", "/problems/static/style.css",
                 "/account/confirm", "/account/reset", "/account/style.css", "/account/link.js",
                 "/account/confirm.js", "/account/reset.js",
                 "/.well-known/jwks.json"]  # fmt: skip
_DOCUMENT = "/openapi.json"


@pytest.mark.parametrize("path", _PUBLIC_PATHS)
def test_a_public_document_may_be_stored_and_must_be_revalidated(
    client: httpx2.Client, path: str
) -> None:
    """Every cache may store a public document, but must ask the service before each use."""
    assert client.get(path).headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize("path", [*_PUBLIC_PATHS, _DOCUMENT])
def test_an_unchanged_document_gets_304(client: httpx2.Client, path: str) -> None:
    """The 304 has the ETag, Cache-Control and Content-Security-Policy of the 200.

    RFC 9110, section 15.4.5, requires ETag and Cache-Control.
    """
    whole = client.get(path)
    etag = whole.headers["ETag"]
    for if_none_match in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        for method in ("GET", "HEAD"):
            response = client.request(method, path, headers={"If-None-Match": if_none_match})
            assert (response.status_code, response.content) == (304, b"")
            for name in ("ETag", "Cache-Control", "Content-Security-Policy"):
                assert response.headers[name] == whole.headers[name]
    changed = client.get(path, headers={"If-None-Match": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole.content)
    problem(client.get(path, headers={"If-None-Match": "x"}), 400, "malformed-header")


def test_no_two_documents_have_the_same_etag(client: httpx2.Client) -> None:
    """Each ETag is a hash of the document's bytes."""
    etags = [client.get(path).headers["ETag"] for path in [*_PUBLIC_PATHS, _DOCUMENT]]
    assert len(set(etags)) == len(etags)


def test_the_host_of_a_request_is_in_no_public_document(client: httpx2.Client) -> None:
    """The OpenAPI document contains the client's Host, so only that client may store it."""
    response = client.get(_DOCUMENT, headers={"Host": "canary.example"})
    assert "http://canary.example/api/users" in response.text
    assert response.headers["Cache-Control"] == "private, no-cache"  # check 55
    for path in _PUBLIC_PATHS:
        assert "canary" not in client.get(path, headers={"Host": "canary.example"}).text  # check 55


def test_with_a_public_url_the_openapi_document_is_public(start_service: StartService) -> None:
    """With PUBLIC_URL set, the examples in the document contain it, whatever the Host header is."""
    published = start_service(PUBLIC_URL="https://api.example.com").client
    response = published.get(_DOCUMENT, headers={"Host": "canary.example"})
    assert "https://api.example.com/api/users" in response.text
    assert "canary" not in response.text  # check 55
    assert response.headers["Cache-Control"] == "public, no-cache"
    assert response.headers["ETag"] == published.get(_DOCUMENT).headers["ETag"]
