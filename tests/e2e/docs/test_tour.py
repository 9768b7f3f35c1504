"""Executes docs/tour/ as `lab tour` does, and compares the outputs with those on the pages."""

import math
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import redis

from lab.stack.stack import Stack
from lab.tour.chapters import DIRECTORY, Chapter, Excerpt, chapters
from lab.tour.shell import Shell, addresses_of
from tests.e2e.local_stack import running_stack
from tests.e2e.pages import commands_of, normalized

CHAPTERS = chapters()
# A chapter in the list of docs/tour/README.md: its number, title and file.
LISTED = re.compile(r"^(\d+)\. \[(.+)\]\((.+)\):", re.MULTILINE)
HEALING = sorted({it.text for chapter in CHAPTERS for it in chapter.commands if it.heals})
# The waterfall of a signup, its duration, and its largest untraced gap.
SIGNUP = re.compile(
    r"^(POST /api/users: 201 in (\S+) ms.*?^sum .*?largest\s+untraced\s+gap:\s+(\S+)\s+ms)",
    re.DOTALL | re.MULTILINE,
)
# The timeouts in chapter 3, and infinity.
LIMITS_SECONDS = (0.15, 1, 2, 5, 10, 30, math.inf)


def next_limit(seconds: re.Match[str]) -> str:
    """Replace a time by the next larger timeout of `LIMITS_SECONDS`.

    A wait that times out takes a little longer than its timeout. On a busy machine, it takes even
    longer, but still less than the next larger timeout.
    """
    limit = next(limit for limit in LIMITS_SECONDS if float(seconds[1]) < limit)
    return f"<less than {limit * 1000:.0f} ms>"


# Replacements in addition to those for every page: times, bars, users, processes.
VARYING: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    # The time of a hash, and the delay that it causes, depend on the machine.
    (r"\bafter \d+\.\d+ s\b", "after <figure> s"),
    (r"(signup: 201\nmeanwhile, 200 in )\d+\.\d+", r"\1<figure>"),
    (r"\b(\d+\.\d+) s\b", next_limit),
    (r"(localhost|127\.0\.0\.1):\d+", "<host>:<port>"),
    (r"(?m)^( *)sum .*(\n .*)?", "<sum>"),
    (r"[▏▎▍▌▋▊▉█]+", ""),
    (r"\b\d{10}@", "<now>@"),
    (r"/(users|orders)/\d+", r"/\1/<id>"),
    (r'("(?:id|user_id)": ?)\d+', r"\1<id>"),
    (r'("(?:sub|sid)": ?)"\d+"', r'\1"<id>"'),
    # If the Git history was rewritten, as in some forks, the commits have other hashes.
    (r"\b[0-9a-f]{40}\b", "<hash>"),
    # If a duration is longer than a minute, pytest also prints it in hours, minutes and seconds.
    (r"(?m) \(\d+:\d\d:\d\d\)$", ""),
    # Python shows an object by its address in memory.
    (r"\b0x[0-9a-f]+\b", "<address>"),
    # The provider's tokens have fractions of a second in `auth_time`.
    (r'("(?:iat|exp|auth_time|updated_at)": ?)[\d.]+', r"\1<seconds>"),
    # The code of a sign-in at the provider, alone on a line of a URL's parameters.
    (r"(?m)^code=[\w-]+$", "code=<code>"),
    (r"(,p=\d)\$.+", r"\1$<salt and hash>"),
    (r"(?i)(retry-after: |;t=)\d+", r"\1<seconds>"),
    # If the line number has more digits, more of the path is cut.
    (r"[\w/]*…(/\w+\.py):\d+", r"…\1:<line>"),
    (r"\.py:\d+", ".py:<line>"),
    (r"\bapp-\d\b", "app-<number>"),
    (r"(?m)^(\S+) +\d+ +(?:\d+|-) +(ready)$", r"\1 <process> <port> \2"),
    (r"\b\d\d:\d\d:\d\d\b", "<time>"),
    (r"\bprocess \d+", "process <number>"),
    # The remaining TTL is in whole seconds. On a busy machine, it is some seconds shorter.
    (r"\bTTL \d+;", "TTL <seconds>;"),
    # A line of ps: the process ids, the number of threads and the state differ in each run.
    (r"(?m)^ *\d+ +\d+ +\d+ +[RSD]\S* +python$", "<process>"),
    (r"\d+ bytes of body", "<number> bytes of body"),
    # Decimal numbers, except in addresses, in versions (of HTTP or TLS, or alone on a line), and in
    # counts of rows.
    (
        r"(?m)(?<![\d/])(?<!\d\.)(?<!rows=)(?!^\d\.\d$)\d+\.\d+(?!\d|\.\d| TLS_)",
        "<figure>",
    ),
    # A reused connection saves time, but a pause of the machine can be longer than the saved time.
    (r"(?m)(<figure>) (less|more)$", r"\1 less or more"),
    (r"  +", " "),
    # A detail is cut at the end of the line. If the port is longer, more of the detail is cut.
    (r"(?m)^(\S+ \S+ .{0,24}).*…$", r"\1…"),
)


@pytest.fixture(scope="module")
def tour_stack() -> Iterator[Stack]:
    """A stack as `make start` runs it, with the default rate limits."""
    with running_stack() as stack:
        # The provider is ready about a second after the service. Chapter 13 needs the provider.
        stack.wait_for_provider()
        yield stack.parts


@pytest.fixture
def shell(tour_stack: Stack) -> Iterator[Shell]:
    """The shell of one chapter."""
    with shell_of_a_chapter(tour_stack) as shell:
        yield shell


@contextmanager
def shell_of_a_chapter(stack: Stack) -> Iterator[Shell]:
    """A shell for one chapter. At the start, the cache and the counts of rate limits are empty.

    At the end, even after a failure, every fault that any chapter makes is healed.
    """
    for server in (stack.valkey, stack.limits):
        with redis.Redis.from_url(server.url) as client:
            client.flushall()
    with TemporaryDirectory() as scratch:
        shell = Shell(Path(scratch), addresses_of(stack), environment_of_a_terminal(stack))
        try:
            yield shell
        finally:
            results = [
                shell.run(command, subprocess.PIPE, subprocess.STDOUT) for command in HEALING
            ]
            assert not any(result.returncode for result in results), results


def environment_of_a_terminal(stack: Stack) -> Mapping[str, str]:
    """Return the variables of a user's terminal, which is as wide as the outputs on the pages."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(stack.paths.root),
        "LANG": "C.UTF-8",
        "LAB_DIR": str(stack.paths.root),
        "HTTP_PORT": str(stack.choices.http_port),
        "HTTPS_PORT": str(stack.choices.https_port),
        "COLUMNS": "100",
    }


def test_the_list_of_chapters_names_each_chapter_in_order() -> None:
    """Each chapter but the last has commands and source code."""
    listed = LISTED.findall((DIRECTORY / "README.md").read_text())
    assert listed == [(str(it.number), it.title, it.page.name) for it in CHAPTERS]
    # The last chapter only asks questions.
    for chapter in CHAPTERS[:-1]:
        assert len(chapter.commands) >= 3, chapter.title
        assert any(isinstance(step, Excerpt) for step in chapter.steps), chapter.title


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: str(chapter.number))
def test_the_quoted_source_code_is_current(chapter: Chapter) -> None:
    """The file contains the quoted lines, one after another."""
    for step in chapter.steps:
        if isinstance(step, Excerpt):
            assert step.line() is not None, f"not in {step.path}:\n{step.text}"


@pytest.mark.slow
@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: str(chapter.number))
def test_every_command_prints_what_the_chapter_shows(chapter: Chapter, shell: Shell) -> None:
    """The commands of a chapter run in order, in one shell."""
    for command, shown in commands_of(chapter.steps):
        result = shell.run(command.text, subprocess.PIPE, subprocess.STDOUT)
        assert result.returncode == 0, f"{command.text}\nprinted:\n{result.stdout}"
        if shown is not None:
            assert plain(result.stdout) == plain(shown.text), f"{command.text}\n{result.stdout}"


@pytest.mark.pictures
def test_the_outputs_in_the_chapters_are_updated(tour_stack: Stack) -> None:
    """All pages get the current outputs of their commands. After a failure, no page changes."""
    updated = {}
    for chapter in CHAPTERS:
        with shell_of_a_chapter(tour_stack) as shell:
            updated[chapter.page] = updated_page(chapter, shell, tour_stack)
    for page, text in updated.items():
        page.write_text(text)


def updated_page(chapter: Chapter, shell: Shell, stack: Stack) -> str:
    """Run the chapter, and return its page with the current outputs."""
    text, reached = chapter.page.read_text(), 0
    for command, shown in commands_of(chapter.steps):
        result = shell.run(command.text, subprocess.PIPE, subprocess.STDOUT)
        assert result.returncode == 0, f"{command.text}\nprinted:\n{result.stdout}"
        if shown is None:
            continue
        assert_small_untraced_gaps(result.stdout)
        output = as_on_a_page(result.stdout, stack)
        lines = "\n".join(line.rstrip() for line in output.strip("\n").splitlines())
        old = f"```{shown.kind}\n{shown.text}```"
        place = text.index(old, reached)
        new = f"```{shown.kind}\n{lines}\n```"
        text = text[:place] + new + text[place + len(old) :]
        reached = place + len(new)
    return text


def as_on_a_page(output: str, stack: Stack) -> str:
    """Return the output with the default addresses."""
    output = output.replace(f"{stack.paths.root}/", ".lab/")
    for port, default in ((stack.choices.http_port, "8080"), (stack.choices.https_port, "8443")):
        # In a column, the port stays aligned to the right.
        output = re.sub(rf"(?<=  ){port}\b", default.rjust(len(str(port))), output)
        output = re.sub(rf"(\b|(?<=%3A)){port}\b", default, output)
    return output


def assert_small_untraced_gaps(output: str) -> None:
    """Check that the largest untraced gap is at most a tenth of a signup's time (docs/trace.md)."""
    for signup, whole, gap in SIGNUP.findall(output):
        assert float(gap) <= float(whole) / 10, f"Update the pages on a quiet machine:\n{signup}"


def plain(text: str) -> str:
    """Return the text without the parts that differ each time."""
    text = normalized(text)
    for pattern, name in VARYING:
        text = re.sub(pattern, name, text)
    return text
