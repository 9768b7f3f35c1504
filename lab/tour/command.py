"""`lab tour`: play the chapters of docs/tour/ against the running stack."""

import argparse
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final, Never

from lab.stack import control
from lab.stack.paths import Paths
from lab.stack.stack import Stack
from lab.tour.chapters import Chapter, Command, Excerpt, Prose, Shown, chapters
from lab.tour.screen import LEAVE, SKIP, Screen
from lab.tour.shell import Shell

_INTERRUPTED: Final = 130
_WINDOW_S: Final = 60.0
"""Of the rate limits, which the chapters use up."""

_DESCRIPTION = """\
Play the chapters of docs/tour/ step by step: read, see a command, let it run against the running
stack, see the lines of the source that answered. Enter goes on. What a chapter breaks on purpose
is healed at its end, also when it is left early.
"""


def tour(paths: Paths, arguments: Sequence[str]) -> int:
    """Play the guided tour; from which chapter on can be said."""
    pages = chapters()
    parser = _parser(pages)
    chosen = parser.parse_args(arguments)
    if chosen.list:
        print(*(f"{page.number}  {page.title}" for page in pages), sep="\n")
        return control.OK
    if not chosen.yes and not sys.stdin.isatty():
        parser.error("nobody can be asked here; --yes runs everything unasked, faults included")
    stack = control.running(paths)
    wanted = [page for page in pages if page.number >= chosen.chapter]
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, _end)
    try:
        _play_all(wanted[:1] if chosen.only else wanted, stack, Screen(asks=not chosen.yes))
    except KeyboardInterrupt:
        print()
        return _INTERRUPTED
    return control.OK


def _play_all(pages: Sequence[Chapter], stack: Stack, screen: Screen) -> None:
    for page, following in zip(pages, [*pages[1:], None], strict=True):
        began = time.monotonic()
        with Shell(stack) as shell:
            if not _play(page, shell, screen) or following is None:
                return
        if screen.ask_for_next(following) == LEAVE:
            return
        screen.wait(began + _WINDOW_S - time.monotonic())


def _play(page: Chapter, shell: Shell, screen: Screen) -> bool:
    """Play one chapter; whether it was played to its end."""
    screen.title(page)
    with _healing(shell, screen) as broken:
        for before, step in zip([None, *page.steps], page.steps, strict=False):
            match step:
                case Prose():
                    screen.prose(step)
                case Excerpt():
                    screen.excerpt(step)
                case Command():
                    if not _run(step, shell, screen, broken):
                        return False
                # What comes back stands on the terminal, just now and for real.
                case Shown() if not isinstance(before, Command):
                    screen.shown(step)
    return True


def _run(command: Command, shell: Shell, screen: Screen, broken: set[str]) -> bool:
    """Run one when the person says so; false when they want to leave."""
    screen.command(shell.here(command.text))
    answer = screen.ask_to_run()
    if answer == LEAVE:
        return False
    if answer != SKIP:
        # Before it runs: an interrupted one may have broken it already.
        broken |= command.breaks
        code = shell.run(command.text).returncode
        if code == 0:
            broken -= {command.heals}
        else:
            screen.status(code)
    return True


@contextmanager
def _healing(shell: Shell, screen: Screen) -> Iterator[set[str]]:
    """Heal at the end, however it comes, whatever is still among the parts that were broken."""
    broken: set[str] = set()
    try:
        yield broken
    finally:
        # Whoever is in a hurry presses Ctrl-C twice.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        for part in sorted(broken):
            text = f".venv/bin/lab fault {part} heal"
            screen.command(text)
            if (code := shell.run(text).returncode) != 0:
                screen.status(code)
        signal.signal(signal.SIGINT, before)


def _end(number: int, _: FrameType | None) -> Never:
    """Leave by way of every `finally`: the terminal was closed, or somebody wants us gone."""
    sys.exit(128 + number)


def _parser(pages: Sequence[Chapter]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab tour", description=_DESCRIPTION)
    numbers = [page.number for page in pages]
    parser.add_argument("chapter", nargs="?", type=int, choices=numbers, default=1)
    parser.add_argument("--only", action="store_true", help="this chapter and no further")
    parser.add_argument("--list", action="store_true", help="name the chapters")
    parser.add_argument("--yes", action="store_true", help="ask nothing, run everything")
    return parser
