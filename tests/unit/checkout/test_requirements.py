"""Each file in requirements/ pins the dependencies that pyproject.toml declares."""

import re
import tomllib
from collections.abc import Iterator
from itertools import groupby

import pytest

from tests.service import CHECKOUT

_NAME = re.compile(r"[\w.-]+")


def _declared(group: str) -> set[str]:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    groups = {"app": project["project"]["dependencies"], **project["dependency-groups"]}
    names = set[str]()
    for item in groups[group]:
        if isinstance(item, dict):
            names |= _declared(item["include-group"])
        elif match := _NAME.match(item):
            names.add(match[0].lower().replace("_", "-"))
    return names


def _pinned(group: str) -> Iterator[tuple[str, str]]:
    """Yield each pinned package with its comment, which lists the packages that require it."""
    name = ""
    for is_comment, lines in groupby(
        (CHECKOUT / "requirements" / f"{group}.txt").read_text().splitlines(),
        key=lambda line: line.startswith("    #"),
    ):
        if is_comment:
            yield name, "\n".join(lines)
        else:
            names = [line for line in lines if not line.startswith((" ", "#"))]
            name = names[-1].partition("==")[0].partition("[")[0] if names else name


@pytest.mark.parametrize("group", ["app", "lab", "dev", "uv", "provider", "kubernetes"])
def test_each_declared_dependency_is_pinned(group: str) -> None:
    """This test fails if `make lock` has not run since the last change of the dependencies."""
    place = "pyproject.toml" if group == "app" else f"pyproject.toml:{group}"
    direct = {name for name, comment in _pinned(group) if f"roundtrip ({place})" in comment}
    assert direct == _declared(group)
