"""The pictures in docs/images, taken anew by `make pictures`."""

import base64
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.page.reading import expect, go, stage
from tests.page.recordings import products, signup
from tests.page.stand_in import CHECKOUT, StandIn

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

SIGNUP = f"#trace={8:032x}&stage=sql"
MISS_AND_HIT = f"#trace={9:032x}&compare={10:032x}"

pytestmark = pytest.mark.pictures


@pytest.mark.parametrize(
    ("name", "choice", "size", "scheme"),
    [
        ("lab-stage", SIGNUP, (1440, 1320), "light"),
        ("lab-comparison", MISS_AND_HIT, (1280, 1020), "dark"),
        ("lab-phone", MISS_AND_HIT, (360, 780), "light"),
    ],
)
def test_a_picture_is_taken(
    browser: Browser,
    collector: StandIn,
    name: str,
    choice: str,
    size: tuple[int, int],
    scheme: Scheme,
) -> None:
    """Small enough for a repository, of the page as it is now."""
    for number in range(1, 12):
        cache = "miss" if number % 4 == 1 else "hit"
        collector.tell(signup(number) if number % 4 == 0 else products(number, cache=cache))
    context = browser.new_context(
        base_url=collector.url,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    page = context.new_page()
    go(page, choice)
    expect(stage(page, "sql")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_text("Reading it")).to_be_hidden()
    if size[0] < 600:
        page.evaluate("document.getElementById('chosen').scrollIntoView()")
    picture = _compressed(page, page.screenshot())
    context.close()
    assert len(picture) < LARGEST
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / f"{name}.webp").write_bytes(picture)


def _compressed(page: Page, png: bytes) -> bytes:
    """The browser can write WebP, if not by itself: a third of the size, and as sharp."""
    page.goto("about:blank")
    url = page.evaluate(COMPRESS, base64.b64encode(png).decode())
    return base64.b64decode(url.partition(",")[2])
