"""The chapters of the tour as they stand in docs/tour/: one text for readers and for `lab tour`.

A chapter is Markdown. Its code blocks say by their first line what they are:

    ```sh                            a command, to be run in the order of the page
    ```text                          after a command: what it printed when the page was written
    ```python app/services/users.py  these lines of that file
"""

import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Final

from markdown_it import MarkdownIt

from lab.stack.paths import CHECKOUT

DIRECTORY: Final = CHECKOUT / "docs" / "tour"
_FILE_NAME: Final = "[1-9]-*.md"


@dataclass(frozen=True)
class Prose:
    """Words between two code blocks, as Markdown."""

    text: str


@dataclass(frozen=True)
class Command:
    """Lines for a shell."""

    text: str

    @property
    def breaks(self) -> set[str]:
        """What it breaks on purpose and somebody has to heal, as `lab fault` calls it."""
        return set(re.findall(r"\blab fault (redis|postgres|slow-sql) (?!heal)", self.text))

    @property
    def heals(self) -> str | None:
        """What it heals, when it does nothing else."""
        found = re.fullmatch(r"\S*\blab fault (\S+) heal", self.text.strip())
        return found and found[1]


@dataclass(frozen=True)
class Shown:
    """What the command before it printed when the page was written; `kind` is its language."""

    kind: str
    text: str


@dataclass(frozen=True)
class Excerpt:
    """Lines of a file of the checkout, moved to the left margin."""

    kind: str
    path: str
    text: str

    def line(self) -> int | None:
        """Return the number of its first line in the file as it is now; None if it is not there."""
        file = CHECKOUT / self.path
        here = file.read_text().splitlines() if file.is_file() else []
        wanted = self.text.splitlines()
        for start in range(len(here) - len(wanted) + 1):
            found = dedent("\n".join(here[start : start + len(wanted)])).splitlines()
            if [line.rstrip() for line in found] == wanted:
                return start + 1
        return None


Step = Prose | Command | Shown | Excerpt


@dataclass(frozen=True)
class Chapter:
    """One page of the tour."""

    page: Path
    number: int
    title: str
    steps: tuple[Step, ...]

    @property
    def commands(self) -> tuple[Command, ...]:
        """What it has a shell do, in order."""
        return tuple(step for step in self.steps if isinstance(step, Command))


def chapters(directory: Path = DIRECTORY) -> list[Chapter]:
    """Read all of them, in their order."""
    return [read_chapter(page) for page in sorted(directory.glob(_FILE_NAME))]


def read_chapter(page: Path) -> Chapter:
    """Read one, whose first line is its title, such as `# 1. Names and addresses`."""
    title, _, rest = page.read_text().partition("\n")
    return Chapter(
        page=page,
        number=int(page.name.partition("-")[0]),
        title=title.removeprefix("# ").partition(". ")[2],
        steps=tuple(_steps(rest)),
    )


def _steps(text: str) -> list[Step]:
    lines, steps, reached = text.splitlines(), [], 0
    for token in MarkdownIt().parse(text):
        if token.type != "fence" or token.map is None:
            continue
        begin, end = token.map
        steps += _prose(lines[reached:begin])
        steps.append(_block(token.info, token.content))
        reached = end
    return [*steps, *_prose(lines[reached:])]


def _prose(lines: list[str]) -> list[Step]:
    text = "\n".join(lines).strip()
    return [Prose(text)] if text else []


def _block(info: str, content: str) -> Step:
    kind, _, path = info.partition(" ")
    if kind == "sh":
        return Command(content)
    return Excerpt(kind, path, content.rstrip("\n")) if path else Shown(kind, content)
