"""The pages of the tour: their links, their questions, and how long they take."""

import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from lab.stack.config.paths import CHECKOUT
from lab.tour.chapters import DIRECTORY, Chapter, chapters

CHAPTERS = chapters()
BY_NUMBER = {chapter.number: chapter for chapter in CHAPTERS}
# All chapters but the last end with three questions about themselves.
WITH_QUESTIONS = CHAPTERS[:-1]
LISTED_MINUTES = re.compile(r"^(\d+)\. .* \((\d+) min\)$", re.MULTILINE)
MAX_MINUTES = 15


def _inline(text: str) -> list[Token]:
    """Return the texts of a page, without its code blocks."""
    return [token for token in MarkdownIt().parse(text) if token.type == "inline"]


def _links(text: str) -> list[str]:
    children = [child for token in _inline(text) for child in token.children or ()]
    return [str(child.attrs["href"]) for child in children if child.type == "link_open"]


def _anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    tokens = MarkdownIt().parse(page.read_text())
    headings = [
        "".join(child.content for child in inline.children or ())
        for token, inline in pairwise(tokens)
        if token.type == "heading_open"
    ]
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _items(text: str) -> int:
    """Return the number of items in the lists of a text."""
    return sum(token.type == "list_item_open" for token in MarkdownIt().parse(text))


@pytest.mark.parametrize("page", sorted(DIRECTORY.glob("*.md")), ids=lambda page: page.stem)
def test_every_link_leads_to_a_file_and_a_section(page: Path) -> None:
    """A section that was renamed has another anchor, so the links to it must be changed."""
    for link in _links(page.read_text()):
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        if anchor:
            assert anchor in _anchors(target), link


@pytest.mark.parametrize("chapter", WITH_QUESTIONS, ids=lambda chapter: str(chapter.number))
def test_a_chapter_ends_with_three_questions_that_it_answers(chapter: Chapter) -> None:
    """Each question has a link to each section with a part of the answer."""
    text = chapter.page.read_text().partition("\n## Questions\n")[2]
    assert _items(text) == 3
    for question in re.split(r"^\d\. ", text, flags=re.MULTILINE)[1:]:
        assert _links(question)
        assert {link[:1] for link in _links(question)} == {"#"}
    assert "\n## " not in text


def test_the_last_chapter_asks_about_each_chapter_before() -> None:
    """The last chapter has ten questions. Each other chapter answers at least a part of one."""
    *others, last = CHAPTERS
    text = last.page.read_text()
    assert _items(text) == 10
    answering = {link.partition("#")[0] for link in _links(text)}
    assert answering == {chapter.page.name for chapter in others}


def test_the_readme_lets_a_readers_shell_find_the_packages_of_the_commands() -> None:
    """After the README's command, `python3` can import packages that are not part of Python."""
    (export,) = re.findall(r"```sh\n(.*?)```", (DIRECTORY / "README.md").read_text(), re.DOTALL)
    subprocess.run(
        ["/bin/sh", "-ec", f"{export}\npython3 -c 'import cachetools, dns, jwt, psutil'"],
        cwd=CHECKOUT,
        env={"PATH": "/usr/local/bin:/usr/bin:/bin"},
        check=True,
    )


def test_the_list_of_chapters_says_how_long_each_takes() -> None:
    """A chapter takes at most 15 minutes. The list may differ from the estimate by a minute."""
    listed = dict(LISTED_MINUTES.findall((DIRECTORY / "README.md").read_text()))
    assert listed.keys() == {str(number) for number in BY_NUMBER}
    for number, text in listed.items():
        estimate = BY_NUMBER[int(number)].minutes
        assert estimate <= MAX_MINUTES, f"Chapter {number} takes {estimate} minutes. Shorten it."
        assert abs(int(text) - estimate) <= 1, f"Chapter {number}: write ({estimate} min)."
