"""Parses the chapters of the tour in docs/tour/, which people read and `lab tour` plays.

A chapter is Markdown. The first line of a code block says what the block contains:

    ```sh                            a command; commands run in the order of the page
    ```text                          after a command: its output when the page was written
    ```python app/services/users.py  lines of that file
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Final

from markdown_it import MarkdownIt

from lab.stack.config.paths import CHECKOUT

DIRECTORY: Final = CHECKOUT / "docs" / "tour"
_FILE_NAME: Final = "[1-9]*-*.md"

_WORDS_PER_MINUTE: Final = 200
"""The speed of reading a technical text in a second language."""
_SECONDS_PER_LINE: Final = 2
"""For a line of a command, of source code or of output, which few people read word by word."""
_SECONDS_PER_COMMAND: Final = 10
"""To run a command. Most commands take less than a second, and a few take 20."""


@dataclass(frozen=True)
class Prose:
    """The Markdown between two code blocks."""

    text: str


@dataclass(frozen=True)
class Command:
    """A command for the shell, on one or more lines."""

    text: str

    @property
    def breaks(self) -> set[str]:
        """The names of the parts that this command breaks with `lab fault`."""
        return set(re.findall(r"\blab fault (redis|postgres|slow-sql) (?!heal)", self.text))

    @property
    def heals(self) -> str | None:
        """The part that this command heals. None if the command does anything else."""
        match = re.fullmatch(r"\S*\blab fault (\S+) heal", self.text.strip())
        return match and match[1]


@dataclass(frozen=True)
class Shown:
    """Any other block, such as the earlier output of a command. `kind` is the block's language."""

    kind: str
    text: str


@dataclass(frozen=True)
class Excerpt:
    """Lines of a file of the checkout, without their common indentation."""

    kind: str
    path: str
    text: str

    def line(self) -> int | None:
        """Return the number of the first line in the file. None if the file lacks these lines."""
        file = CHECKOUT / self.path
        lines = file.read_text().splitlines() if file.is_file() else []
        quoted = self.text.splitlines()
        for start in range(len(lines) - len(quoted) + 1):
            candidate = dedent("\n".join(lines[start : start + len(quoted)])).splitlines()
            if [line.rstrip() for line in candidate] == quoted:
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
        """The commands of the chapter, in order."""
        return tuple(step for step in self.steps if isinstance(step, Command))

    @property
    def minutes(self) -> int:
        """About how many minutes the chapter takes, rounded up."""
        words = sum(len(it.text.split()) for it in self.steps if isinstance(it, Prose))
        lines = sum(len(it.text.splitlines()) for it in self.steps if not isinstance(it, Prose))
        seconds = lines * _SECONDS_PER_LINE + len(self.commands) * _SECONDS_PER_COMMAND
        return math.ceil(words / _WORDS_PER_MINUTE + seconds / 60)


def chapters(directory: Path = DIRECTORY) -> list[Chapter]:
    """Read all chapters, in the order of their numbers."""
    pages = map(read_chapter, directory.glob(_FILE_NAME))
    return sorted(pages, key=lambda chapter: chapter.number)


def read_chapter(page: Path) -> Chapter:
    """Read a chapter. The first line of its page is the title: `# 1. Names and addresses`."""
    title, _, rest = page.read_text().partition("\n")
    return Chapter(
        page=page,
        number=int(page.name.partition("-")[0]),
        title=title.removeprefix("# ").partition(". ")[2],
        steps=tuple(read_steps(rest)),
    )


def read_steps(text: str) -> list[Step]:
    """Return the texts and the blocks of a page, in order."""
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
