"""The installed Chromium. Playwright does not download its own."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET_ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

# Messages that Chromium logs by itself: about the status of a response that a test expects; about
# connections that it drops when a network interface appears or disappears, as with each container
# that starts or stops; and about a stream whose server was killed.
EXPECTED = (
    "Failed to load resource: the server responded with a status of",
    "Failed to load resource: net::ERR_NETWORK_CHANGED",
    "Failed to load resource: net::ERR_INCOMPLETE_CHUNKED_ENCODING",
)
TIMEOUT_MS = 15_000


def program() -> str:
    """Return the path of the executable. Skip the test if there is none."""
    path = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    if path is None:
        pytest.skip(f"NO BROWSER: install one, such as `apt install chromium` ({EXECUTABLES})")
    return path


def arguments() -> list[str]:
    """Return the command-line arguments, which also stop its background requests."""
    # Chromium's sandbox does not work for root.
    return [*QUIET_ARGUMENTS, *(("--no-sandbox",) if os.geteuid() == 0 else ())]


@contextmanager
def running() -> Iterator[Browser]:
    """Run Chromium until the end of the block. Meanwhile this process cannot run asyncio code."""
    path = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments())
        yield browser
        browser.close()


@contextmanager
def profile(browser: Browser, base_url: str) -> Iterator[BrowserContext]:
    """Open a new profile. Its pages may use addresses relative to `base_url`."""
    context = browser.new_context(base_url=base_url, reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


@contextmanager
def tab(context: BrowserContext) -> Iterator[Page]:
    """Open a tab. At the end, fail if it had an uncaught error or an unexpected console message."""
    page = context.new_page()
    unexpected: list[str] = []
    page.on("pageerror", lambda error: unexpected.append(str(error)))
    page.on("console", lambda message: unexpected.extend(_unexpected(message)))
    yield page
    page.close()
    assert not unexpected


def _unexpected(message: ConsoleMessage) -> list[str]:
    unexpected = message.type in {"error", "warning"} and not message.text.startswith(EXPECTED)
    return [message.text] if unexpected else []
