"""Chromium as this machine has it; Playwright's own is never fetched."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)

# What Chromium says by itself of an answer that a test has asked for; of connections that it drops
# because a network has come or gone, as with each container that somebody starts meanwhile; and of
# a stream whose sender has died.
EXPECTED = (
    "Failed to load resource: the server responded with a status of",
    "Failed to load resource: net::ERR_NETWORK_CHANGED",
    "Failed to load resource: net::ERR_INCOMPLETE_CHUNKED_ENCODING",
)
TIMEOUT_MS = 15_000


def program() -> str:
    """Return where it is; skip the test, and say so loudly, when there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"NO BROWSER: install one, such as `apt install chromium` ({NAMES})")
    return found


def arguments() -> list[str]:
    """Return what it is started with: quiet, and able to run as root."""
    # Chromium's sandbox does not work for root.
    return [*QUIET, *(("--no-sandbox",) if os.geteuid() == 0 else ())]


@contextmanager
def running() -> Iterator[Browser]:
    """Run it until the end of the block. No other test can run asyncio meanwhile."""
    path = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments())
        yield browser
        browser.close()


@contextmanager
def profile(browser: Browser, base_url: str) -> Iterator[BrowserContext]:
    """Use a profile of its own, whose addresses are relative to that one."""
    context = browser.new_context(base_url=base_url, reduced_motion="reduce")
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


@contextmanager
def tab(context: BrowserContext) -> Iterator[Page]:
    """Open a tab; at the end nothing may have gone wrong in it, unseen."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.extend(_trouble(message)))
    yield page
    page.close()
    assert not wrong


def _trouble(message: ConsoleMessage) -> list[str]:
    told = message.type in {"error", "warning"} and not message.text.startswith(EXPECTED)
    return [message.text] if told else []
