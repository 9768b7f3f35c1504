"""Takes the pictures in docs/images (`make pictures`). They show the lab's page of a real stack."""

import base64
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.accounts import new_email
from tests.e2e.local_stack import LocalStack
from tests.e2e.page.reading import expect, go, request, stage
from tests.e2e.page.sending import CATALOGUE, Client, Shop
from tests.service import CHECKOUT

IMAGES = CHECKOUT / "docs" / "images"
MAX_PICTURE_BYTES = 150_000
Scheme = Literal["light", "dark"]
COMPRESS = """async (png) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", 0.65);
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
    scheme: Scheme,
) -> None:
    """The picture shows the current page, and is small enough for a repository."""
    signed_up, miss, hit = varied_requests(client, shop)
    context = browser.new_context(
        base_url=f"http://localhost:{stack.http_port}",
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    page = context.new_page()
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
    picture = _compressed(page, page.screenshot(full_page=True))
    context.close()
    assert len(picture) < MAX_PICTURE_BYTES
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.webp").write_bytes(picture)


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


def _compressed(page: Page, png: bytes) -> bytes:
    """Convert to WebP in the browser. The result has a third of the size and is as sharp."""
    page.goto("about:blank")
    url = page.evaluate(COMPRESS, base64.b64encode(png).decode())
    return base64.b64decode(url.partition(",")[2])
