"""The lab's page: what is shown about one opened request besides its stages."""

import json
import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.accounts import PASSWORD, new_email
from tests.e2e.page.reading import expect, go, stage, stages
from tests.e2e.page.sending import CATALOGUE, WITH_WORKER, Client, Shop
from tests.e2e.signups import signup_items


def unfold(page: Page, title: str) -> Locator:
    """Unfold a part below the waterfall."""
    folded = page.locator("details").filter(has_text=title)
    folded.locator("summary").click()
    return folded


def test_a_failed_request_names_the_exception_and_the_problem(page: Page, client: Client) -> None:
    """Failed stages and the rollback are visible. The problem's code is a link to its page."""
    email = new_email()
    client.sign_up(email)
    refused = client.sign_up(email)
    client.document(refused)
    go(page, f"#trace={refused}")
    failed = stage(page, "sql").filter(has_text="failed: UniqueViolation")
    expect(failed).to_contain_text("INSERT")
    expect(failed).to_contain_text("database")
    expect(stage(page, "rollback")).to_be_visible()
    expect(page.locator(".facts")).to_contain_text("409")
    service = stage(page, "service").filter(has_text="failed: EmailTaken")
    expect(service.get_by_role("link", name="email-taken")).to_be_visible()
    expect(page.get_by_text("Log in, or use another address.")).to_be_visible()
    page.locator(".facts").get_by_role("link", name="email-taken").click()
    expect(page).to_have_url(re.compile("/problems/email-taken$"))


def test_the_headers_and_the_log_lines_contain_no_secret(page: Page, client: Client) -> None:
    """Headers and log lines are folded at first. A secret is shown as `[redacted]`."""
    token, cookie = "eyJhbGciOiJIUzI1NiJ9.e30.c2VjcmV0", "a-secret-of-the-browser"
    sent = client.trace("POST", "/api/users", *signup_items(), f"Authorization:Bearer {token}",
                        f"Cookie:session={cookie}", "Idempotency-Key:once")  # fmt: skip
    document = client.document(sent)
    go(page, f"#trace={sent}")
    headers = unfold(page, "Headers")
    values = {
        "authorization": "[redacted]",
        "cookie": "[redacted]",
        "idempotency-key": "once",
        "content-type": "application/json",
    }
    for name, value in values.items():
        term = headers.locator("dt", has=page.get_by_text(name, exact=True)).first
        expect(term.locator("xpath=following-sibling::dd[1]")).to_have_text(value)
    expect(headers).to_contain_text("ratelimit-policy")
    logs = unfold(page, "Log lines").get_by_role("region")
    expect(logs).to_contain_text(f"trace_id={sent}")
    expect(logs).to_contain_text("POST")
    shown = page.locator("#chosen").inner_text() + json.dumps(document)
    assert not [it for it in (token, cookie, PASSWORD) if it in shown]


def test_a_copied_command_repeats_the_request(
    page: Page, client: Client, shop: Shop, tmp_path: Path
) -> None:
    """The commands for curl and HTTPie run as they are, with the headers of the request."""
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    etag = shop.http.get(CATALOGUE).headers["ETag"]
    trace_id = client.trace("GET", CATALOGUE, f"If-None-Match:{etag}")
    assert client.document(trace_id)["status"] == 304
    go(page, f"#trace={trace_id}")
    for name in ("curl", "HTTPie"):
        page.get_by_role("button", name=f"Copy as {name}").click()
        expect(page.locator(".copied").get_by_text("Copied.")).to_be_visible()
        expect(page.get_by_role("region", name="Copied text")).to_contain_text(name.lower()[:4])
        command = page.evaluate("navigator.clipboard.readText()")
        assert "304" in run(command, tmp_path), command
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("region", name="Copied text")).to_have_text(page.url)


def run(command: str, directory: Path) -> str:
    """Run a command as if it were pasted into a terminal, and return its output."""
    script = command.replace("http GET", "http --ignore-stdin --print h GET")
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", "-c", script],
        cwd=directory,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout


def test_the_critical_path_covers_the_whole_request(page: Page, client: Client) -> None:
    """The marked parts have no gap between them. A job after the response has no marked part."""
    signed_up = client.sign_up()
    client.document(signed_up, processes=WITH_WORKER)
    go(page, f"#trace={signed_up}")
    expect(stage(page, "job")).to_be_visible()
    lengths = (
        stages(page)
        .locator(".critical")
        .evaluate_all("parts => parts.map(part => Number(part.style.getPropertyValue('--long')))")
    )
    root = page.locator("[data-span] .bar").first.evaluate(
        "bar => Number(bar.style.getPropertyValue('--long'))"
    )
    assert sum(lengths) == pytest.approx(root, abs=1e-6)
    end = page.locator("[data-span] .response-end").first.evaluate(
        "line => Number(line.style.getPropertyValue('--at'))"
    )
    assert end == pytest.approx(root, abs=1e-6)
    expect(page.get_by_text("The dashed line is the end of the response.")).to_be_visible()
    expect(stage(page, "hash").locator(".critical")).to_have_count(1)
    expect(stage(page, "job").locator(".critical")).to_have_count(0)
    expect(page.get_by_text("Largest parts of the critical path")).to_contain_text("hash")
    stage(page, "queued").click()
    panel = page.get_by_role("complementary")
    expect(panel).to_contain_text("after the end of its parent, which does not wait for it")


def test_the_browsers_own_stages_are_still_there_after_a_reload(page: Page) -> None:
    """The page sends the browser's stages to the collector, as `lab trace` does."""
    go(page)
    page.get_by_role("button", name="Uncached read", exact=True).click()
    page.locator("#answer").get_by_role("button", name="Show all its stages").click()
    expect(stage(page, "wait")).to_contain_text("client")
    page.reload()
    expect(stage(page, "wait")).to_contain_text("client")
    # Level 1 is the request, level 2 is `wait`, and level 3 is inside `wait`.
    expect(stage(page, "load-balancer")).to_have_attribute("aria-level", "3")
    expect(page.locator(".facts")).to_contain_text("200")
