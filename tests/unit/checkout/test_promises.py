"""docs/promises.md lists the right test files for the number of each promise."""

import re
from collections import defaultdict

from tests.service import CHECKOUT

_ROW = re.compile(r"^\| (F?\d+) \| .+ \| (.+) \|$", re.MULTILINE)
_NUMBER = re.compile(r"\bcheck (F?\d+)\b")


def test_the_page_has_the_numbers_and_the_files_of_the_tests() -> None:
    """The page lists exactly the files that have a comment `check` with the number."""
    page = (CHECKOUT / "docs" / "promises.md").read_text()
    listed = {number: set(re.findall(r"`(.+?)`", files)) for number, files in _ROW.findall(page)}
    checked: defaultdict[str, set[str]] = defaultdict(set)
    for file in (CHECKOUT / "tests").rglob("*.py"):
        for line in file.read_text().splitlines():
            comment = line.partition("  # check ")[2]
            for number in _NUMBER.findall(f"check {comment}"):
                checked[number].add(str(file.relative_to(CHECKOUT)))
    assert listed == checked
