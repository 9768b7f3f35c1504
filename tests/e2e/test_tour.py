"""docs/tour/, executed as `lab tour` executes it: what the chapters show is what comes back."""

import math
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import pytest
import redis

from lab.stack import control
from lab.stack.paths import Paths
from lab.stack.stack import Stack
from lab.tour.chapters import Chapter, Command, Excerpt, Shown, chapters
from lab.tour.shell import Shell
from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import settled

CHAPTERS = chapters()
HEALING = sorted({it.text for chapter in CHAPTERS for it in chapter.commands if it.heals})
# The waterfall of a signup, its duration, and its largest untraced gap.
SIGNUP = re.compile(
    r"^(POST /api/users: 201 in (\S+) ms.*?^sum .*?largest\s+untraced\s+gap:\s+(\S+)\s+ms)",
    re.DOTALL | re.MULTILINE,
)
# Most of the limits that chapter 3 lists for a wait, and what is beyond them.
LIMITS_S = (0.15, 1, 2, 5, 10, 30, math.inf)


def limits_outlived(seconds: re.Match[str]) -> str:
    """Name the limits between which a time lies.

    A wait ends a little later than its limit and never before, so that a busy machine changes a
    figure and not its name.
    """
    limit = next(limit for limit in LIMITS_S if float(seconds[1]) < limit)
    return f"<less than {limit * 1000:.0f} ms>"


# Beyond what is different each time on every page: figures, bars, people, processes.
VARYING: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    # How long a hash takes, and how long it keeps others, is the machine's own.
    (r"\bafter \d+\.\d+ s\b", "after <figure> s"),
    (r"(signup: 201\nmeanwhile, 200 in )\d+\.\d+", r"\1<figure>"),
    (r"\b(\d+\.\d+) s\b", limits_outlived),
    (r"(localhost|127\.0\.0\.1):\d+", "<host>:<port>"),
    (r"(?m)^( *)sum .*(\n .*)?", "<sum>"),
    (r"[▏▎▍▌▋▊▉█]+", ""),
    (r"\b\d{10}@", "<now>@"),
    (r"/(users|orders)/\d+", r"/\1/<id>"),
    (r'("(?:id|user_id)": ?)\d+', r"\1<id>"),
    (r'("(?:sub|sid)": ?)"\d+"', r'\1"<id>"'),
    (r'("(?:iat|exp)": ?)\d+', r"\1<seconds>"),
    (r"(,p=\d)\$.+", r"\1$<salt and hash>"),
    (r"(?i)(retry-after: |;t=)\d+", r"\1<seconds>"),
    (r"\.py:\d+", ".py:<line>"),
    (r"\bapp-\d\b", "app-<number>"),
    (r"(?m)^(\S+) +\d+ +\d+ +(ready)$", r"\1 <process> <port> \2"),
    (r"\b\d\d:\d\d:\d\d\b", "<time>"),
    (r"\bprocess \d+", "process <number>"),
    (r"\d+ bytes of body", "<number> bytes of body"),
    # But not addresses, versions (`HTTP/1.1`, TLS's, or alone on a line) and counted rows.
    (
        r"(?m)(?<![\d/])(?<!\d\.)(?<!rows=)(?!^\d\.\d$)\d+\.\d+(?!\d|\.\d| TLS_)",
        "<figure>",
    ),
    # A pause of the machine can eat up what a kept connection saves.
    (r"(?m)(<figure>) (less|more)$", r"\1 less or more"),
    (r"  +", " "),
    # A detail is cut where the line ends, which a longer port brings nearer.
    (r"(?m)^(\S+ \S+ .{0,24}).*…$", r"\1…"),
)


@pytest.fixture(scope="module")
def tour_stack() -> Iterator[Stack]:
    """A stack as `make start` makes it, limits included."""
    stack = LocalStack()
    try:
        stack.start()
        yield control.running(Paths(stack.directory))
    finally:
        stack.discard()


@pytest.fixture
def shell(tour_stack: Stack) -> Iterator[Shell]:
    """The shell of one chapter."""
    with shell_of_a_chapter(tour_stack) as shell:
        yield shell


@contextmanager
def shell_of_a_chapter(stack: Stack) -> Iterator[Shell]:
    """A shell a minute after the chapter before: nothing has been counted yet.

    What the chapter has broken is healed at its end, however that came.
    """
    for server in (stack.valkey, stack.limits):
        with redis.Redis.from_url(server.url) as client:
            client.flushall()
    with Shell(stack, environment_of_a_terminal(stack)) as shell:
        try:
            yield shell
        finally:
            results = [shell.run(command, subprocess.PIPE) for command in HEALING]
            assert not any(result.returncode for result in results), results


def environment_of_a_terminal(stack: Stack) -> Mapping[str, str]:
    """Return what a person's terminal has set, as wide as the pages are."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(stack.paths.root),
        "LANG": "C.UTF-8",
        "LAB_DIR": str(stack.paths.root),
        "HTTP_PORT": str(stack.choices.http_port),
        "HTTPS_PORT": str(stack.choices.https_port),
        "COLUMNS": "100",
    }


def test_there_are_eight_chapters_in_order() -> None:
    """Numbered without a gap, each with commands and lines of the source."""
    assert [chapter.number for chapter in CHAPTERS] == list(range(1, 9))
    for chapter in CHAPTERS:
        assert len(chapter.commands) >= 3, chapter.title
        assert any(isinstance(step, Excerpt) for step in chapter.steps), chapter.title


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: str(chapter.number))
def test_the_lines_of_the_source_are_those_of_the_source(chapter: Chapter) -> None:
    """What a chapter quotes stands in the file, line for line."""
    for step in chapter.steps:
        if isinstance(step, Excerpt):
            assert step.line() is not None, f"not in {step.path}:\n{step.text}"


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: str(chapter.number))
def test_every_command_does_what_the_chapter_shows(chapter: Chapter, shell: Shell) -> None:
    """One chapter from its first command to its last."""
    for command, shown in commands_of(chapter):
        result = shell.run(command.text, subprocess.PIPE)
        assert result.returncode == 0, f"{command.text}\nprinted:\n{result.stdout}"
        if shown is not None:
            assert plain(result.stdout) == plain(shown.text), f"{command.text}\n{result.stdout}"


@pytest.mark.pictures
def test_the_chapters_are_written_anew(tour_stack: Stack) -> None:
    """What the commands print now takes the place of what the pages show: on all, or on none."""
    written = {}
    for chapter in CHAPTERS:
        with shell_of_a_chapter(tour_stack) as shell:
            written[chapter.page] = written_anew(chapter, shell, tour_stack)
    for page, text in written.items():
        page.write_text(text)


def written_anew(chapter: Chapter, shell: Shell, stack: Stack) -> str:
    """Run the chapter, and return its page with what it prints."""
    text, reached = chapter.page.read_text(), 0
    for command, shown in commands_of(chapter):
        result = shell.run(command.text, subprocess.PIPE)
        assert result.returncode == 0, f"{command.text}\nprinted:\n{result.stdout}"
        if shown is None:
            continue
        assert_all_of_it_has_a_name(result.stdout)
        output = as_on_a_page(result.stdout, stack)
        lines = "\n".join(line.rstrip() for line in output.strip("\n").splitlines())
        old = f"```{shown.kind}\n{shown.text}```"
        place = text.index(old, reached)
        new = f"```{shown.kind}\n{lines}\n```"
        text = text[:place] + new + text[place + len(old) :]
        reached = place + len(new)
    return text


def as_on_a_page(output: str, stack: Stack) -> str:
    """Return the output with the addresses of a stack that has been told nothing."""
    output = output.replace(f"{stack.paths.root}/", ".lab/")
    for here, there in ((stack.choices.http_port, "8080"), (stack.choices.https_port, "8443")):
        # In a column it stays where it ends.
        output = re.sub(rf"(?<=  ){here}\b", there.rjust(len(str(here))), output)
        output = re.sub(rf"\b{here}\b", there, output)
    return output


def assert_all_of_it_has_a_name(output: str) -> None:
    """Of no signup that a page draws may more than a tenth have no name (docs/trace.md)."""
    for signup, whole, unnamed in SIGNUP.findall(output):
        assert float(unnamed) <= float(whole) / 10, f"Draw them on a quiet machine:\n{signup}"


def commands_of(chapter: Chapter) -> Iterator[tuple[Command, Shown | None]]:
    """Yield each command, and what the page shows under it."""
    for step, following in zip(chapter.steps, [*chapter.steps[1:], None], strict=True):
        if isinstance(step, Command):
            yield step, following if isinstance(following, Shown) else None


def plain(text: str) -> str:
    """Return the text without what is different each time."""
    text = settled(text)
    for pattern, name in VARYING:
        text = re.sub(pattern, name, text)
    return text
