"""Commands, make targets and links in the contributor pages and the GitHub files work."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.checkout import copy_checkout
from tests.service import CHECKOUT

PAGES = ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "README.md"]
FILES_WITH_COMMANDS = [
    *PAGES,
    ".pre-commit-config.yaml",
    ".devcontainer/devcontainer.json",
    *(str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob(".github/**/*.*")),
]
# A `make` command: in backticks, at the start of a line, or as a command in YAML or JSON.
_COMMAND = re.compile(
    r"""(?:`|^|run:\ |entry:\ |"postCreateCommand":\ ")make((?:\ [a-z-]+)+)""",
    flags=re.MULTILINE | re.VERBOSE,
)
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[\w-]+)?\)")


def read(name: str) -> str:
    """Return the text of a file of the checkout."""
    return (CHECKOUT / name).read_text()


@pytest.mark.parametrize("name", FILES_WITH_COMMANDS)
def test_every_named_make_target_exists(name: str) -> None:
    """The Makefile has each target that a page, a workflow or a hook names."""
    targets = set(re.findall(r"^([a-z-]+):", read("Makefile"), flags=re.MULTILINE))
    text = read(name)
    named = {target for words in _COMMAND.findall(text) for target in words.split()}
    if matrix := re.search(r"target: \[(.*)\]", text):
        named |= set(matrix[1].split(", "))
    assert named <= targets


def test_the_commands_of_contributing_are_targets_or_tested_below() -> None:
    """Each command in CONTRIBUTING.md is a make target, or a test of this file runs it."""
    lines = [
        line for block in _BLOCK.findall(read("CONTRIBUTING.md")) for line in block.split("\n")
    ]
    others = {line for line in lines if line and not line.startswith("make ")}
    assert others == {".venv/bin/pre-commit install"}
    assert "make test slow lint types" in lines


@pytest.mark.parametrize("name", PAGES)
def test_every_link_to_a_file_has_a_target(name: str) -> None:
    """If a file is moved, the links to it must be changed."""
    for link in _LINK.findall(read(name)):
        assert (CHECKOUT / link).exists(), link


@pytest.mark.slow
def test_the_pre_commit_hook_rejects_what_make_lint_rejects(tmp_path: Path) -> None:
    """After the command in CONTRIBUTING.md has installed the hook, such a commit fails."""
    clone = copy_checkout(tmp_path)
    identity = {
        f"GIT_{role}_{field}": "Contributor"
        for role in ("AUTHOR", "COMMITTER")
        for field in ("NAME", "EMAIL")
    }
    environment = {"PATH": os.environ["PATH"], "HOME": str(clone / "home"), **identity}
    subprocess.run([".venv/bin/pre-commit", "install"], cwd=clone, env=environment, check=True)
    with (clone / "app" / "main.py").open("a") as module:
        module.write("\nimport antigravity\n")
    subprocess.run(["git", "add", "--all"], cwd=clone, check=True)
    commit = subprocess.run(
        ["git", "commit", "--message", "Float"],
        cwd=clone,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert commit.returncode == 1
    assert "make lint" in commit.stderr
    assert "app/main.py" in commit.stderr
    assert "antigravity" in commit.stderr
