"""The tour: how a page becomes steps, and what the shell of a chapter keeps."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.stack.environment import Choices
from lab.stack.paths import CHECKOUT, Paths
from lab.stack.stack import Stack
from lab.tour.chapters import Command, Excerpt, Prose, Shown, chapters, read_chapter
from lab.tour.shell import Shell

PAGE = """# 3. The title

Words, and `code`.

```sh
echo one
```

```text
one
```

```python app/routers/users.py
async def create_user(
```
"""


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """A shell beside a stack at other ports than the pages'; it need not run."""
    choices = Choices(http_port=9001, https_port=9002, database_url=None, redis_url=None)
    with Shell(Stack(Paths(tmp_path), choices)) as shell:
        yield shell


def test_a_page_is_read_as_steps(tmp_path: Path) -> None:
    """Title, words, a command, what it printed, and lines of a file."""
    page = tmp_path / "3-title.md"
    page.write_text(PAGE)
    chapter = read_chapter(page)
    assert (chapter.number, chapter.title) == (3, "The title")
    assert chapter.steps == (
        Prose("Words, and `code`."),
        Command("echo one\n"),
        Shown("text", "one\n"),
        Excerpt("python", "app/routers/users.py", "async def create_user("),
    )


def test_chapters_come_in_their_order(tmp_path: Path) -> None:
    """Whatever else lies beside them."""
    for name in ("2-b.md", "1-a.md", "README.md"):
        (tmp_path / name).write_text(PAGE)
    assert [chapter.number for chapter in chapters(tmp_path)] == [1, 2]


def test_lines_are_found_in_the_file_as_it_is_now() -> None:
    """Moved to the left margin or not; lines that it no longer has are not."""
    lines = (CHECKOUT / "app" / "routers" / "users.py").read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if line.startswith("    "))
    assert Excerpt("python", "app/routers/users.py", lines[number].strip()).line() == number + 1
    assert Excerpt("python", "app/routers/users.py", "no such line").line() is None
    assert Excerpt("python", "app/no_such_file.py", "no such line").line() is None


@pytest.mark.parametrize(
    ("command", "breaks", "heals"),
    [
        (".venv/bin/lab fault redis stop\n", {"redis"}, None),
        ("curl localhost:8080\n.venv/bin/lab fault slow-sql 300ms\n", {"slow-sql"}, None),
        (".venv/bin/lab fault slow-sql heal\n", set(), "slow-sql"),
        # Another process takes its place by itself.
        (".venv/bin/lab fault app kill\n", set(), None),
        ("curl localhost:8080 && .venv/bin/lab fault redis heal\n", set(), None),
    ],
)
def test_a_command_says_what_it_breaks_and_what_it_heals(
    command: str, breaks: set[str], heals: str | None
) -> None:
    """So that what is broken is healed when somebody leaves early."""
    assert (Command(command).breaks, Command(command).heals) == (breaks, heals)


def test_what_a_chapter_breaks_it_heals() -> None:
    """By a command of its own, which can be read and run."""
    for chapter in chapters():
        broken = set().union(*(command.breaks for command in chapter.commands))
        assert broken == {command.heals for command in chapter.commands} - {None}


def test_what_one_command_sets_the_next_one_knows(shell: Shell) -> None:
    """Values with quotes and line ends in them, too."""
    assert shell.run("A='it'\\''s\ntwo'\nfalse", subprocess.PIPE).returncode == 1
    assert shell.run('printf "%s" "$A"', subprocess.PIPE).stdout == "it's\ntwo"


def test_commands_are_told_where_this_stack_is(shell: Shell, tmp_path: Path) -> None:
    """Both ports and the directory, whatever the pages say."""
    output = shell.run("echo localhost:8080 localhost:8443 .lab/ca.crt", subprocess.PIPE).stdout
    assert output == f"localhost:9001 localhost:9002 {tmp_path}/ca.crt\n"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--list"], 0, "1  Names and addresses"),
        (["9"], 2, "invalid choice"),
        (["--yes"], 1, "The stack does not run. Start it:  make start"),
        ([], 2, "nobody can be asked here"),
    ],
)
def test_the_command_says_what_there_is(
    arguments: list[str], status: int, said: str, tmp_path: Path
) -> None:
    """The chapters, a chapter that is none, and that a stack must run."""
    result = subprocess.run(
        [sys.executable, "-m", "lab", "tour", *arguments],
        cwd=CHECKOUT,
        env={"LAB_DIR": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == status
    assert said in result.stdout + result.stderr
