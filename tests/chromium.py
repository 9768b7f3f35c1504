"""Run the Chromium of this machine with Playwright, without a download, and check pages in it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

# The headless shell is Chromium without its windows. It takes half of Chromium's processor time.
EXECUTABLES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
DISABLED_FEATURES = (
    # With these features, Chromium loads two pages for the address bar of each new tab. This takes
    # more processor time than most tests of a page.
    "WebUIOmniboxAimPopup",
    "WebUIOmniboxPopup",
    # This list replaces Playwright's list. The next entries are also in Playwright's list: with
    # these features, Chromium sends requests of its own.
    "AimEnabled",
    "HttpsUpgrades",
    "LensOverlay",
    "MediaRouter",
    "NetworkTimeServiceQuerying",
    "OptimizationHints",
    "PreconnectToSearch",
)
QUIET_ARGUMENTS = (
    "--disable-background-networking",
    "--disable-component-update",
    f"--disable-features={','.join(DISABLED_FEATURES)}",
    "--disable-sync",
    "--no-first-run",
)

# The beginnings of console messages that Chromium itself logs, and that do not fail a test.
EXPECTED = (
    # A response has an error status, which the test expects.
    "Failed to load resource: the server responded with a status of",
    # A network interface has appeared or disappeared, so Chromium drops its connections. Each
    # container that starts or stops causes this.
    "Failed to load resource: net::ERR_NETWORK_CHANGED",
    # The server of a stream was killed.
    "Failed to load resource: net::ERR_INCOMPLETE_CHUNKED_ENCODING",
)
TIMEOUT_MS = 15_000


@contextmanager
def running() -> Iterator[Browser]:
    """Run Chromium until the end of the block. Until then, this thread cannot run asyncio code."""
    path = _program()
    # Chromium's sandbox does not work for root.
    arguments = [*QUIET_ARGUMENTS, *(("--no-sandbox",) if os.geteuid() == 0 else ())]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


def _program() -> str:
    """Return the path of Chromium's executable. If no Chromium is installed, skip the test."""
    path = next(filter(None, map(shutil.which, EXECUTABLES)), None)
    if path is None:
        pytest.skip(
            "NO BROWSER: install Chromium, for example with `apt install chromium`. None of these "
            f"programs was found: {', '.join(EXECUTABLES)}"
        )
    return path


@contextmanager
def profile(browser: Browser, base_url: str, **options: Any) -> Iterator[BrowserContext]:
    """Open a new profile. Its pages may use addresses relative to `base_url`.

    `options` are further arguments of Playwright's `Browser.new_context`.
    """
    context = browser.new_context(base_url=base_url, reduced_motion="reduce", **options)
    context.set_default_timeout(TIMEOUT_MS)
    yield context
    context.close()


@contextmanager
def tab(context: BrowserContext) -> Iterator[Page]:
    """Open a tab. Afterwards, fail if the page had uncaught errors or unexpected console output."""
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


def width(page: Page) -> int:
    """Return the width of the whole page in pixels."""
    return int(page.evaluate("document.documentElement.scrollWidth"))


def violations(page: Page, **options: list[str]) -> str:
    """Return axe's report of accessibility violations, or an empty text if there are none."""
    results = Axe().run(page, options={"resultTypes": ["violations"], **options})
    return str(results.generate_report()) if results.violations_count else ""
