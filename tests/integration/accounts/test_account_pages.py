"""The pages to which the links in messages lead, and the files that these pages load."""

import re

import httpx2
import pytest

from tests.integration.wire import SECURITY_HEADERS, problem

PAGES = ["/account/confirm", "/account/reset"]
MEDIA_TYPES = {
    **dict.fromkeys(PAGES, "text/html; charset=utf-8"),
    "/account/style.css": "text/css; charset=utf-8",
    "/account/link.js": "text/javascript; charset=utf-8",
    "/account/confirm.js": "text/javascript; charset=utf-8",
    "/account/reset.js": "text/javascript; charset=utf-8",
}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.mark.parametrize("path", MEDIA_TYPES)
def test_a_page_or_its_file_is_served_to_everyone(client: httpx2.Client, path: str) -> None:
    """The response names its media type. A page may load only files of this service."""
    response = client.get(path, headers=BROWSER)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == MEDIA_TYPES[path]
    policy = POLICY if path in PAGES else SECURITY_HEADERS["Content-Security-Policy"]
    expected = {**SECURITY_HEADERS, "Content-Security-Policy": policy}
    assert {name: response.headers[name] for name in expected} == expected


@pytest.mark.parametrize("path", MEDIA_TYPES)
def test_head_has_the_headers_of_get(client: httpx2.Client, path: str) -> None:
    """HEAD has the ETag and the Content-Length of GET, and no body."""
    get, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Type", "ETag", "Cache-Control", "Content-Security-Policy"):
        assert head.headers[name] == get.headers[name]
    assert int(head.headers["Content-Length"]) == len(get.content)


@pytest.mark.parametrize(
    "path",
    ["/account/confirm.html", "/account/other.js", "/account/..%2Faccount_pages.py",
     "/account/%2e%2e/account_pages.py", "/account/", "/account"],
)  # fmt: skip
def test_only_the_listed_files_are_served(client: httpx2.Client, path: str) -> None:
    """Any other name gets 404, even the name of another file in the directory of the pages."""
    problem(client.get(path), 404, "not-found")


def test_the_pages_only_allow_reading(client: httpx2.Client) -> None:
    """A form that is sent to the page itself is refused."""
    for path in MEDIA_TYPES:
        response = client.post(path)
        problem(response, 405, "method-not-allowed")
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("path", PAGES)
def test_a_page_refuses_a_query(client: httpx2.Client, path: str) -> None:
    """Any query gets 422, because proxies log queries, and a token must not be in a log."""
    response = client.get(f"{path}?token=canary")
    assert problem(response, 422, "invalid-content")["errors"][0]["parameter"] == "token"
    assert "canary" not in response.text


@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_no_inline_script_or_style(client: httpx2.Client, path: str) -> None:
    """The Content-Security-Policy would block inline code, also in attributes like `onclick`."""
    html = client.get(path).text
    assert re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL) == [""]
    assert "<style" not in html
    assert not re.search(r"\s(style|on\w+)\s*=", html)
    assert "javascript:" not in html


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_that_it_needs_javascript(client: httpx2.Client, path: str) -> None:
    """The page contains a sentence that a browser shows only if it runs no scripts."""
    assert "<noscript><p>This page needs JavaScript." in client.get(path).text


@pytest.mark.parametrize("path", MEDIA_TYPES)
def test_no_file_refers_to_another_server(client: httpx2.Client, path: str) -> None:
    """No file contains a complete URL. Each reference leads to a file of this service."""
    text = client.get(path).text
    assert "//" not in re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    references = re.findall(r'(?:href|src|from)=?\s?"([^"]*)"', text)
    assert path not in PAGES or references
    for reference in references:
        assert client.get(httpx2.URL(path).join(reference)).status_code == 200
