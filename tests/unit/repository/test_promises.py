"""docs/promises.md lists the test files of each promise by the number of its check."""

import re
from collections import defaultdict

from tests.service import CHECKOUT

_ROW = re.compile(r"^\| (F?\d+) \| .+ \| (.+) \|$", re.MULTILINE)
_NUMBER = re.compile(r"\bcheck (F?\d+)\b")


def test_the_page_has_the_numbers_and_the_files_of_the_tests() -> None:
    """Each number has the same test files in the page and in the comments of the tests."""
    page = (CHECKOUT / "docs" / "promises.md").read_text()
    listed = {number: set(re.findall(r"`(.+?)`", files)) for number, files in _ROW.findall(page)}
    checked: defaultdict[str, set[str]] = defaultdict(set)
    for file in (CHECKOUT / "tests").rglob("*.py"):
        for line in file.read_text().splitlines():
            comment = line.partition("  # check ")[2]
            for number in _NUMBER.findall(f"check {comment}"):
                checked[number].add(str(file.relative_to(CHECKOUT)))
    assert listed == checked
