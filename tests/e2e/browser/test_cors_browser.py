"""What a page of another origin can read from the service in a real browser."""

import secrets
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx2
import pytest
from playwright.sync_api import Browser, Page

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
        """Write no log."""


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """The origin of a page that the service does not serve."""
    with HTTPServer(("127.0.0.1", 0), _EmptyPage) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def cors_client(start_service: StartService, origin: str) -> httpx2.Client:
    """A client of a service whose CORS_ORIGINS lists the origin of the page."""
    return start_service(CORS_ORIGINS=origin).client


@pytest.fixture
def page(browser: Browser, origin: str) -> Iterator[Page]:
    """An empty page in a new browser profile. Its origin is not that of the service."""
    with chromium.profile(browser, origin) as context:
        page = context.new_page()
        page.goto("/")
        yield page


def _call(page: Page, client: httpx2.Client, path: str, **options: object) -> dict[str, object]:
    result: dict[str, object] = page.evaluate(
        _CALL, [f"{str(client.base_url).rstrip('/')}{path}", options]
    )
    return result


def _change(account: Account, **headers: str) -> dict[str, object]:
    return {
        "method": "PATCH",
        "body": '{"name": "Changed"}',
        "headers": {**account.auth, "Content-Type": "application/json", **headers},
    }


def test_a_page_of_a_listed_origin_can_read_and_change_with_a_token(
    page: Page, cors_client: httpx2.Client
) -> None:
    """The page can also read problems, the ETag and the request id. A change needs a preflight."""
    account = sign_up(cors_client)
    read = _call(page, cors_client, "/api/users/me", headers=account.auth)
    assert (read["status"], read["etag"]) == (200, account.etag)
    assert read["id"]
    assert read["server"] is None
    change = _change(account, **{"If-Match": account.etag})
    changed = _call(page, cors_client, account.url, **change)
    assert changed["status"] == 200
    stale = _call(page, cors_client, account.url, **change)
    assert stale["status"] == 412
    assert "precondition-failed" in str(stale["body"])


def test_a_page_of_any_other_origin_can_read_nothing(page: Page, client: httpx2.Client) -> None:
    """The browser hides the responses, and does not send a request that needs a preflight."""
    account = sign_up(client, name=secrets.token_hex(8))
    assert _call(page, client, "/api/products") == {"refused": "TypeError"}  # check 37
    change = _change(account, **{"If-Match": account.etag})
    assert _call(page, client, account.url, **change) == {"refused": "TypeError"}  # check 37
    unchanged = client.get(account.url, headers=account.auth)
    assert unchanged.headers["ETag"] == account.etag


def test_a_page_of_a_listed_origin_can_read_nothing_with_cookies(
    page: Page, cors_client: httpx2.Client
) -> None:
    """If a request sends cookies, the browser hides the response, even from a listed origin."""
    result = _call(page, cors_client, "/api/products", credentials="include")
    assert result == {"refused": "TypeError"}  # check 37
