"""The text of an HTML part, and the links in a text."""

import re
from collections.abc import Iterable
from html.parser import HTMLParser
from typing import Final

# Printable characters without white space, quotes and angle brackets.
_LINK: Final = re.compile(r"https?://[^\s<>\"'\x00-\x20\x7f-\x9f]+", re.IGNORECASE)
_CLOSING: Final = {")": "(", "]": "[", "}": "{"}
_MAX_LINKS: Final = 100
_MAX_LINK_CHARACTERS: Final = 2000

_INVISIBLE: Final = {"script", "style", "head", "title", "template"}
_BLOCKS: Final = {"p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "hr"}
_BLANK_LINES: Final = re.compile(r"\n{3,}")
_WHITE_SPACE: Final = re.compile(r"\s+")
# A limit, because the parser's time may grow faster than the length.
_MAX_HTML_CHARACTERS: Final = 200_000


def links_in(texts: Iterable[str]) -> list[str]:
    """Return the http and https links in the texts, each once, in the order of the texts."""
    found = (match[0] for text in texts for match in _LINK.finditer(text))
    links = (_trimmed(link) for link in found if len(link) <= _MAX_LINK_CHARACTERS)
    return list(dict.fromkeys(links))[:_MAX_LINKS]


def _trimmed(link: str) -> str:
    """Remove punctuation that belongs to the sentence and not to the link."""
    while link[-1] in ".,;:!?*_" or (
        link[-1] in _CLOSING and link.count(link[-1]) > link.count(_CLOSING[link[-1]])
    ):
        link = link[:-1]
    return link


def text_of_html(html: str) -> str:
    """Return the visible text of an HTML part, with each link's address after the link's text."""
    reader = _Reader()
    reader.feed(html[:_MAX_HTML_CHARACTERS])
    reader.close()
    lines = "\n".join(" ".join(line.split()) for line in "".join(reader.texts).splitlines())
    return _BLANK_LINES.sub("\n\n", lines).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._hidden = ""
        self._address = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _INVISIBLE and not self._hidden:
            self._hidden = tag
        if tag in _BLOCKS:
            self.texts.append("\n")
        if tag == "a":
            self._address = dict(attrs).get("href") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == self._hidden:
            self._hidden = ""
        if tag in _BLOCKS:
            self.texts.append("\n")
        if tag == "a" and _LINK.match(self._address):
            if self.texts[-1:] != [self._address]:
                self.texts.append(f" {self._address} ")
            self._address = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.texts.append(_WHITE_SPACE.sub(" ", data))
