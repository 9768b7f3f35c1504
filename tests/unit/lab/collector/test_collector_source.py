"""The collector shows only source code of the service: a function, or the lines around a line."""

from pathlib import Path

import pytest

from lab.collector.details.source import code_location, excerpt
from lab.collector.errors import Problem
from lab.collector.ingest.spans import Value
from tests.service import CHECKOUT


def test_a_line_is_shown_with_the_function_around_it() -> None:
    """The excerpt begins with the function's decorators."""
    text = (CHECKOUT / "app" / "routers" / "users.py").read_text().splitlines()
    place = code_location({"code.function.name": "app.routers.users.create_user"})
    assert place
    shown = excerpt("app/routers/users.py", place["line"])
    assert shown["lines"][0].startswith("@router.post(")
    assert text[shown["first_line"] - 1] == shown["lines"][0]
    assert any("def create_user(" in line for line in shown["lines"])


def test_a_line_outside_of_functions_is_shown_with_its_neighbours() -> None:
    """The excerpt has up to twelve lines before the line, and up to twelve after it."""
    shown = excerpt("app/errors/base.py", 1)
    assert (shown["first_line"], len(shown["lines"]), shown["line"]) == (1, 13, 1)


@pytest.mark.parametrize(
    "file",
    [
        "lab/python.py",
        "/etc/passwd",
        "app/../lab/__main__.py",
        "app/./errors/base.py",
        "app//errors/base.py",
        "app/%2e%2e/errors/base.py",
        "app/models/values/common_passwords.txt",
        "app/errors/base.py\0",
        "app/errors/base.py\n",
        "app/nowhere.py",
        "app/services",
        "",
    ],
)
def test_a_file_outside_of_the_service_is_not_found(file: str) -> None:
    """Other directories, other types of files, and paths with dots are outside of the service."""
    with pytest.raises(Problem, match="no such Python file"):
        excerpt(file, 1)


@pytest.mark.parametrize(
    ("link", "target", "file"),
    [
        ("app/linked.py", "outside/secret.py", "app/linked.py"),
        ("app/linked", "outside", "app/linked/secret.py"),
        ("app", "outside", "app/secret.py"),
    ],
    ids=["file", "directory", "app"],
)
def test_a_symbolic_link_is_not_followed(tmp_path: Path, link: str, target: str, file: str) -> None:
    """A symbolic link could lead to any file."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py").write_text("SECRET = 1\n")
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to(tmp_path / target)
    with pytest.raises(Problem, match="no such Python file"):
        excerpt(file, 1, tmp_path)


@pytest.mark.parametrize("line", [0, -1, 100_000])
def test_a_line_outside_of_the_file_is_not_found(line: int) -> None:
    """Lines are numbered from 1."""
    with pytest.raises(Problem, match="no such line"):
        excerpt("app/errors/base.py", line)


def test_only_a_code_location_in_the_service_is_used() -> None:
    """A code location in another file is ignored, so its source is not shown."""
    attributes: dict[str, Value] = {
        "code.file.path": "app/errors/base.py",
        "code.line.number": 7,
        "code.function.name": "f",
    }
    assert code_location(attributes) == {"file": "app/errors/base.py", "line": 7, "function": "f"}
    assert code_location({**attributes, "code.file.path": "/usr/lib/x.py"}) is None
    assert code_location({"code.function.name": "app.nowhere.f"}) is None
    assert code_location({"code.function.name": "os.path.join"}) is None
    assert code_location({}) is None
