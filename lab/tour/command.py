"""`lab tour`: play the chapters of docs/tour/ against the running stack."""

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Final, Never

import click

from lab.stack import control
from lab.stack.config.paths import Paths
from lab.stack.stack import Stack
from lab.tour.chapters import Chapter, Command, Excerpt, Prose, Shown, chapters
from lab.tour.screen import LEAVE, SKIP, Screen
from lab.tour.shell import Shell, addresses_of

_INTERRUPTED: Final = 130
_RATE_LIMIT_WINDOW_SECONDS: Final = 60.0
"""The next chapter begins in a new window, because a chapter can use up the rate limits."""


@click.command(epilog="Example:  lab tour 5 --only")
@click.argument("chapter", type=int, default=1)
@click.option("--only", is_flag=True, help="Play only this chapter")
@click.option("--list", "only_list", is_flag=True, help="List the chapters")
@click.option("--yes", is_flag=True, help="Run everything without asking")
@click.pass_obj
def tour(paths: Paths, *, chapter: int, only: bool, only_list: bool, yes: bool) -> int:
    """Play the chapters of docs/tour/ step by step, beginning with CHAPTER.

    Each step is a text, a command that runs against the running stack, or lines of source code.
    Press Enter to continue. If a chapter breaks something on purpose, the tour heals it at the end
    of the chapter, even if you leave early.
    """
    pages = chapters()
    if only_list:
        for page in pages:
            print(f"{page.number:>2}  {page.title:<25} {page.minutes:>3} min")
        return control.OK
    selected = [page for page in pages if page.number >= chapter]
    if chapter < 1 or not selected:
        raise click.UsageError(f"There is no chapter {chapter}. They are 1 to {pages[-1].number}.")
    if not yes and not sys.stdin.isatty():
        raise click.UsageError(
            "There is no terminal to ask. --yes runs everything, including faults."
        )
    stack = control.running(paths)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        screen = Screen(asks=not yes, last_chapter=pages[-1].number)
        _play_all(selected[:1] if only else selected, stack, screen)
    except KeyboardInterrupt:
        print()
        return _INTERRUPTED
    return control.OK


def _play_all(pages: Sequence[Chapter], stack: Stack, screen: Screen) -> None:
    for page, following in zip(pages, [*pages[1:], None], strict=True):
        began = time.monotonic()
        # The files of a chapter are deleted even if the user leaves early.
        with TemporaryDirectory(prefix="roundtrip-tour-") as scratch:
            shell = Shell(Path(scratch), addresses_of(stack))
            if not _play(page, shell, screen) or following is None:
                return
        if screen.ask_for_next(following) == LEAVE:
            return
        screen.wait(began + _RATE_LIMIT_WINDOW_SECONDS - time.monotonic())


def _play(page: Chapter, shell: Shell, screen: Screen) -> bool:
    """Play one chapter. Return whether it was played to its end."""
    screen.title(page)
    number = 0
    with _healing(shell, screen) as broken:
        for before, step in zip([None, *page.steps], page.steps, strict=False):
            match step:
                case Prose():
                    screen.prose(step)
                case Excerpt():
                    screen.excerpt(step)
                case Command():
                    number += 1
                    screen.label(f"Step {number} of {len(page.commands)}")
                    if not _run(step, shell, screen, broken):
                        return False
                # A block after a command has the output of an earlier run, so it is not shown.
                case Shown() if not isinstance(before, Command):
                    screen.shown(step)
    return True


def _run(command: Command, shell: Shell, screen: Screen, broken: set[str]) -> bool:
    """Run a command if the user confirms it. Return False if the user leaves."""
    screen.command(shell.with_real_addresses(command.text))
    answer = screen.ask_to_run()
    if answer == LEAVE:
        return False
    if answer != SKIP:
        # The parts are recorded before the command runs, because the user may interrupt the command
        # after it has broken a part.
        broken |= command.breaks
        code = shell.run(command.text).returncode
        if code == 0:
            broken -= {command.heals}
        else:
            screen.status(code)
    return True


@contextmanager
def _healing(shell: Shell, screen: Screen) -> Iterator[set[str]]:
    """Heal the parts that are still broken at the end of the block, even after an error."""
    broken: set[str] = set()
    try:
        yield broken
    finally:
        # Ctrl-C is ignored from here, so that it cannot interrupt the healing.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        for part in sorted(broken):
            text = f".venv/bin/lab fault {part} heal"
            screen.label("To heal what this chapter has broken:")
            screen.command(text)
            if (code := shell.run(text).returncode) != 0:
                screen.status(code)
        signal.signal(signal.SIGINT, before)


def _end(number: int, _: FrameType | None) -> Never:
    """Raise SystemExit after SIGHUP or SIGTERM, so that every `finally` block runs."""
    sys.exit(128 + number)
