"""Takes the pictures in docs/images (`make pictures`). They show the lab's page of a real stack."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page

from tests import chromium
from tests.accounts import new_email
from tests.e2e.local_stack import LocalStack
from tests.e2e.page.reading import expect, go, request, stage
from tests.e2e.page.sending import CATALOGUE, Client, Shop
from tests.service import CHECKOUT

IMAGES = CHECKOUT / "docs" / "images"
MAX_PICTURE_BYTES = 150_000
WIDTHS = (1440, 1024, 768, 390)
JOIN = """async ([pngs, scale]) => {
  const images = await Promise.all(pngs.map(async (png) =>
    createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob())));
  const canvas = document.createElement("canvas");
  const space = 24;
  canvas.width = images.reduce((sum, image) => sum + image.width * scale + space, -space);
  canvas.height = Math.max(...images.map((image) => image.height * scale));
  const context = canvas.getContext("2d");
  let left = 0;
  for (const image of images) {
    context.drawImage(image, left, 0, image.width * scale, image.height * scale);
    left += image.width * scale + space;
  }
  return canvas.toDataURL("image/webp", 0.6);
}"""

pytestmark = pytest.mark.pictures


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("lab-stage", (1440, 1320), "light"),
        ("lab-comparison", (1280, 1020), "dark"),
    ],
)
def test_a_picture_is_taken(
    browser: Browser,
    stack: LocalStack,
    client: Client,
    shop: Shop,
    name: str,
    size: tuple[int, int],
    scheme: str,
) -> None:
    """The picture shows the current page, and is small enough for a repository."""
    signed_up, miss, hit = varied_requests(client, shop)
    with tab(browser, stack, *size, scheme) as page:
        if name == "lab-stage":
            go(page, f"#trace={signed_up}")
            stage(page, "sql").filter(has_text="INSERT users").click()
            page.get_by_role("button", name="Show query plan").click()
            expect(page.get_by_role("region", name="Query plan")).to_be_visible()
            page.mouse.move(0, 0)
        else:
            go(page, f"#trace={miss}&compare={hit}")
        expect(stage(page, "sql").first).to_be_visible()
        expect(request(page, hit)).to_be_visible()
        expect(page.get_by_text("Loading")).to_be_hidden()
        save(page, name, [page.screenshot(full_page=True)])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_picture_shows_four_widths(
    browser: Browser, stack: LocalStack, client: Client, shop: Shop, scheme: str
) -> None:
    """One picture shows a signup on four screens, from a monitor to a phone."""
    signed_up, _, hit = varied_requests(client, shop)
    screens = []
    for width in WIDTHS:
        with tab(browser, stack, width, 1200, scheme) as page:
            go(page, f"#trace={signed_up}")
            expect(stage(page, "sql").first).to_be_visible()
            expect(request(page, hit)).to_be_attached()
            expect(page.get_by_text("Loading")).to_be_hidden()
            screens.append(page.screenshot())
    page = browser.new_page()
    save(page, f"lab-widths-{scheme}", screens, scale=0.55)
    page.close()


@contextmanager
def tab(
    browser: Browser, stack: LocalStack, width: int, height: int, scheme: str
) -> Iterator[Page]:
    """Open a tab of this size and colour scheme, in a new browser profile."""
    with chromium.profile(
        browser,
        f"http://localhost:{stack.http_port}",
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        timezone_id="UTC",
    ) as context:
        yield context.new_page()


def varied_requests(client: Client, shop: Shop) -> tuple[str, str, str]:
    """Send varied requests; return the trace ids of a signup, a cache miss and a cache hit."""
    email = new_email()
    client.sign_up(email)
    client.sign_up(email)
    client.trace("GET", "/api/products/999999999")
    for _ in range(3):
        client.trace("GET", CATALOGUE)
    signed_up = client.sign_up()
    miss, hit = shop.miss_and_hit(client)
    for trace_id in (signed_up, miss, hit):
        client.document(trace_id)
    return signed_up, miss, hit


def save(page: Page, name: str, screens: list[bytes], *, scale: float = 1) -> None:
    """Save the screens side by side as WebP, which is a third of the size of PNG."""
    page.goto("about:blank")
    url = page.evaluate(JOIN, [[base64.b64encode(png).decode() for png in screens], scale])
    picture = base64.b64decode(url.partition(",")[2])
    assert len(picture) < MAX_PICTURE_BYTES
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.webp").write_bytes(picture)
