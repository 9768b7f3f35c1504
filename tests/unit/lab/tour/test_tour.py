"""`lab tour`: a page is read as steps, and the shell keeps variables between commands."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lab.stack.config.environment import Choices
from lab.stack.config.paths import CHECKOUT, Paths
from lab.stack.stack import Stack
from lab.tour.chapters import Command, Excerpt, Prose, Shown, chapters, read_chapter
from lab.tour.shell import Shell, addresses_of

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


def new_shell(directory: Path, program: str = "/bin/sh") -> Shell:
    """Return a shell for a stack that does not run and has other ports than the pages."""
    choices = Choices(http_port=9001, https_port=9002, database_url=None, redis_url=None)
    return Shell(directory, addresses_of(Stack(Paths(directory), choices)), program=program)


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """The tour's shell."""
    return new_shell(tmp_path)


def test_a_page_is_read_as_steps(tmp_path: Path) -> None:
    """The page has a title, a text, a command, its output, and lines of a file."""
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


def test_chapters_are_read_in_order(tmp_path: Path) -> None:
    """Other files in the directory are ignored."""
    for name in ("10-c.md", "2-b.md", "1-a.md", "README.md"):
        (tmp_path / name).write_text(PAGE)
    assert [chapter.number for chapter in chapters(tmp_path)] == [1, 2, 10]


def test_the_minutes_of_a_chapter_count_words_lines_and_commands(tmp_path: Path) -> None:
    """The estimate is 60 s each for 200 words, 30 lines of output, and a command of 25 lines."""
    page = tmp_path / "1-title.md"
    command, output = "true\n" * 25, "line\n" * 30
    text = f"# 1. T\n\n{'word ' * 200}\n\n```sh\n{command}```\n\n```text\n{output}```\n"
    page.write_text(text)
    assert read_chapter(page).minutes == 3
    page.write_text(text + "\none more word\n")
    assert read_chapter(page).minutes == 4


def test_quoted_lines_are_found_in_the_current_file() -> None:
    """The indentation of quoted lines makes no difference. Lines not in the file are not found."""
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
        # `fault app kill` needs no `heal`, because the stack itself starts another app process.
        (".venv/bin/lab fault app kill\n", set(), None),
        ("curl localhost:8080 && .venv/bin/lab fault redis heal\n", set(), None),
    ],
)
def test_a_commands_faults_and_heals_are_recognized(
    command: str, breaks: set[str], heals: str | None
) -> None:
    """If the user leaves early, the tour heals the faults that it has recognized."""
    assert (Command(command).breaks, Command(command).heals) == (breaks, heals)


def test_each_chapter_heals_what_it_breaks() -> None:
    """A reader of the page who does not use `lab tour` can heal each fault, too."""
    for chapter in chapters():
        broken = set().union(*(command.breaks for command in chapter.commands))
        assert broken == {command.heals for command in chapter.commands} - {None}


def test_a_variable_is_kept_for_the_next_command(shell: Shell) -> None:
    """The value of a variable may contain quotes and line breaks."""
    assert shell.run("A='it'\\''s\ntwo'\nfalse", subprocess.PIPE).returncode == 1
    assert shell.run('printf "%s" "$A"', subprocess.PIPE).stdout == "it's\ntwo"


def test_bash_as_sh_keeps_only_the_variables_of_the_commands(tmp_path: Path) -> None:
    """With the name `sh`, bash is in POSIX mode, and has read-only variables such as EUID.

    The programs in commands get no POSIXLY_CORRECT. With this variable, GNU grep would not accept
    an option after a file.
    """
    bash = shutil.which("bash")
    assert bash is not None
    (tmp_path / "sh").symlink_to(bash)
    shell = new_shell(tmp_path, str(tmp_path / "sh"))
    assert shell.run("A='it'\\''s\ntwo'\nshopt -oq posix", subprocess.PIPE).returncode == 0
    result = shell.run('printf "%s" "$A"; env | grep POSIXLY_CORRECT', subprocess.PIPE)
    assert result.stdout == "it's\ntwo"


def test_temporary_files_are_in_the_directory_of_the_chapter(shell: Shell, tmp_path: Path) -> None:
    """The files are deleted even if the user leaves before the command that deletes them."""
    command = 'mktemp -d "${TMPDIR:-/tmp}/files-XXXXXX"'
    assert Path(shell.run(command, subprocess.PIPE).stdout.strip()).parent == tmp_path


def test_a_clone_of_a_commit_without_a_branch_prints_nothing(shell: Shell) -> None:
    """Git does not print its advice about a detached HEAD, because the pages do not show it."""
    repository = (
        'cd "$TMPDIR"; git init --quiet first; cd first; '
        "git config user.name Ahmed; git config user.email ahmed@example.com; "
        "git commit --quiet --allow-empty --message one; git checkout --quiet --detach; "
        "git commit --quiet --allow-empty --message two"
    )
    assert shell.run(repository, subprocess.PIPE, subprocess.STDOUT).stdout == ""
    clone = 'cd "$TMPDIR"; git clone --quiet first second'
    assert shell.run(clone, subprocess.PIPE, subprocess.STDOUT).stdout == ""


def test_commands_use_the_addresses_of_the_running_stack(shell: Shell, tmp_path: Path) -> None:
    """The stack's two ports and its directory replace the ports and the directory on the pages."""
    output = shell.run("echo localhost:8080 localhost:8443 .lab/ca.crt", subprocess.PIPE).stdout
    assert output == f"localhost:9001 localhost:9002 {tmp_path}/ca.crt\n"


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--list"], 0, "1  Names and addresses"),
        (["99"], 2, "There is no chapter 99. They are 1 to "),
        (["--yes"], 1, "The stack does not run. Start it:  make start"),
        ([], 2, "There is no terminal to ask"),
    ],
)
def test_the_command_lists_chapters_and_explains_errors(
    arguments: list[str], status: int, message: str, tmp_path: Path
) -> None:
    """Errors are an unknown chapter, a stack that does not run, and a missing terminal."""
    result = subprocess.run(
        [sys.executable, "-m", "lab", "tour", *arguments],
        cwd=CHECKOUT,
        env={"LAB_DIR": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert result.returncode == status
    assert message in result.stdout + result.stderr
