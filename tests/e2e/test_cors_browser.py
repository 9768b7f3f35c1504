"""A page of another origin in a real browser: what it may read, and what it may not."""

import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
import pytest
from playwright.sync_api import Page

from tests import chromium
from tests.accounts import Account, sign_up
from tests.conftest import StartService

_CALL = """async ([url, options]) => {
  try {
    const response = await fetch(url, options);
    const read = name => response.headers.get(name);
    return {status: response.status, body: await response.text(), etag: read("ETag"),
            id: read("X-Request-ID"), server: read("Content-Security-Policy")};
  } catch (error) {
    return {refused: error.name};
  }
}"""


class _EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Another origin</title>")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """The origin of a page that is not the service's."""
    with HTTPServer(("127.0.0.1", 0), _EmptyPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def listing(start_service: StartService, origin: str) -> httpx2.Client:
    """A service that lists that origin."""
    return start_service(CORS_ORIGINS=origin).client


@pytest.fixture
def page(origin: str) -> Iterator[Page]:
    """An empty page of that origin, in a browser."""
    with chromium.running() as browser:
        page = browser.new_page()
        page.goto(origin)
        yield page


def _call(page: Page, client: httpx2.Client, path: str, **options: object) -> dict[str, object]:
    called: dict[str, object] = page.evaluate(
        _CALL, [f"{str(client.base_url).rstrip('/')}{path}", options]
    )
    return called


def _change(account: Account, **headers: str) -> dict[str, object]:
    return {
        "method": "PATCH",
        "body": '{"name": "Changed"}',
        "headers": {**account.auth, "Content-Type": "application/json", **headers},
    }


def test_a_page_of_a_listed_origin_reads_changes_and_sees_problems(
    page: Page, listing: httpx2.Client
) -> None:
    """With a token, a precondition and the headers that it needs; the browser asks before."""
    account = sign_up(listing)
    read = _call(page, listing, "/api/users/me", headers=account.auth)
    assert (read["status"], read["etag"]) == (200, account.etag)
    assert read["id"]
    assert read["server"] is None
    changed = _call(page, listing, account.url, **_change(account, **{"If-Match": account.etag}))
    assert changed["status"] == 200
    stale = _call(page, listing, account.url, **_change(account, **{"If-Match": account.etag}))
    assert stale["status"] == 412
    assert "precondition-failed" in str(stale["body"])


def test_a_page_of_any_other_origin_reads_nothing(page: Page, client: httpx2.Client) -> None:
    """The browser keeps the response from it, and does not send what needs a preflight."""
    account = sign_up(client, name=secrets.token_hex(8))
    assert _call(page, client, "/api/products") == {"refused": "TypeError"}  # check 37
    change = _change(account, **{"If-Match": account.etag})
    assert _call(page, client, account.url, **change) == {"refused": "TypeError"}  # check 37
    unchanged = client.get(account.url, headers=account.auth)
    assert unchanged.headers["ETag"] == account.etag


def test_a_listed_origin_gets_nothing_with_cookies(page: Page, listing: httpx2.Client) -> None:
    """The browser hides a response to a call with cookies from every page of another origin."""
    called = _call(page, listing, "/api/products", credentials="include")
    assert called == {"refused": "TypeError"}  # check 37
