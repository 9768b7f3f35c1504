"""The pictures in docs/images, taken anew by `make pictures`: of a real stack and what it did."""

import base64
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.accounts import new_email
from tests.e2e.local_stack import CHECKOUT, LocalStack
from tests.e2e.page.reading import expect, go, request, stage
from tests.e2e.page.sending import CATALOGUE, Client, Shop

IMAGES = CHECKOUT / "docs" / "images"
LARGEST = 150_000
Scheme = Literal["light", "dark"]
COMPRESS = """async (png) => {
  const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", 0.85);
}"""

pytestmark = pytest.mark.pictures


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("lab-stage", (1440, 1320), "light"),
        ("lab-comparison", (1280, 1020), "dark"),
        ("lab-phone", (360, 780), "light"),
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
    """Small enough for a repository, of the page as it is now."""
    signed_up, miss, hit = an_afternoon(client, shop)
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
        stage(page, "sql").filter(has_text="INSERT").click()
        page.get_by_role("button", name="Show its plan").click()
        expect(page.get_by_role("region", name="Plan of the statement")).to_be_visible()
        page.mouse.move(0, 0)
    else:
        go(page, f"#trace={miss}&compare={hit}")
    expect(stage(page, "sql").first).to_be_visible()
    expect(request(page, hit)).to_be_visible()
    expect(page.get_by_text("Reading it")).to_be_hidden()
    is_phone = size[0] < 600
    if is_phone:
        page.evaluate("document.getElementById('chosen').scrollIntoView()")
    picture = _compressed(page, page.screenshot(full_page=not is_phone))
    context.close()
    assert len(picture) < LARGEST
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.webp").write_bytes(picture)


def an_afternoon(client: Client, shop: Shop) -> tuple[str, str, str]:
    """Send a little of everything; a signup's id, and those of a miss and a hit."""
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
    """The browser can write WebP, if not by itself: a third of the size, and as sharp."""
    page.goto("about:blank")
    url = page.evaluate(COMPRESS, base64.b64encode(png).decode())
    return base64.b64decode(url.partition(",")[2])
