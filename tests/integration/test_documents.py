"""Documents and pages: the OpenAPI document, the page that shows it, and the problems."""

import httpx2
import pytest

from tests.conftest import StartService
from tests.integration.wire import problem

_SAME_FOR_ALL = ["/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css",
                 "/docs/favicon.png", "/problems", "/problems/not-found",
                 "/.well-known/jwks.json"]  # fmt: skip
_DOCUMENT = "/openapi.json"


@pytest.fixture(scope="module")
def published(start_service: StartService) -> httpx2.Client:
    """A service that knows its own address."""
    return start_service(PUBLIC_URL="https://api.example.com").client


@pytest.mark.parametrize("path", _SAME_FOR_ALL)
def test_what_is_the_same_for_everybody_may_be_kept_and_is_revalidated(
    client: httpx2.Client, path: str
) -> None:
    """Any cache may keep it, and asks each time whether it is still good."""
    assert client.get(path).headers["Cache-Control"] == "public, no-cache"


@pytest.mark.parametrize("path", [*_SAME_FOR_ALL, _DOCUMENT])
def test_a_document_that_has_not_changed_is_not_sent_again(
    client: httpx2.Client, path: str
) -> None:
    """`If-None-Match` gets 304 with the headers of the 200 that RFC 9110, section 15.4.5, names."""
    whole = client.get(path)
    etag = whole.headers["ETag"]
    for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        for method in ("GET", "HEAD"):
            answer = client.request(method, path, headers={"If-None-Match": known})
            assert (answer.status_code, answer.content) == (304, b"")
            for name in ("ETag", "Cache-Control", "Content-Security-Policy"):
                assert answer.headers[name] == whole.headers[name]
    changed = client.get(path, headers={"If-None-Match": '"other"'})
    assert (changed.status_code, changed.content) == (200, whole.content)
    problem(client.get(path, headers={"If-None-Match": "x"}), 400, "malformed-header")


def test_two_documents_never_share_an_etag(client: httpx2.Client) -> None:
    """Each is the hash of its own bytes."""
    etags = [client.get(path).headers["ETag"] for path in [*_SAME_FOR_ALL, _DOCUMENT]]
    assert len(set(etags)) == len(etags)


def test_a_host_that_the_client_chose_is_in_no_document_for_others(client: httpx2.Client) -> None:
    """The examples name the client's own host, so that only the client may keep them."""
    response = client.get(_DOCUMENT, headers={"Host": "canary.example"})
    assert "http://canary.example/api/users" in response.text
    assert response.headers["Cache-Control"] == "private, no-cache"  # check 55
    for path in _SAME_FOR_ALL:
        assert "canary" not in client.get(path, headers={"Host": "canary.example"}).text  # check 55


def test_with_a_public_address_the_document_is_the_same_for_everybody(
    published: httpx2.Client,
) -> None:
    """`PUBLIC_URL` is what the examples name then, whatever the client calls the service."""
    response = published.get(_DOCUMENT, headers={"Host": "canary.example"})
    assert "https://api.example.com/api/users" in response.text
    assert "canary" not in response.text  # check 55
    assert response.headers["Cache-Control"] == "public, no-cache"
    assert response.headers["ETag"] == published.get(_DOCUMENT).headers["ETag"]
