"""`lab tour`: play the chapters of docs/tour/ against the running stack."""

import argparse
from collections.abc import Sequence

from lab.stack import control
from lab.stack.paths import Paths
from lab.tour.chapters import Chapter, Command, Excerpt, Prose, Shown, chapters
from lab.tour.screen import Screen
from lab.tour.shell import Shell

_INTERRUPTED = 130
_LEAVE = "q"
_SKIP = "s"

_DESCRIPTION = """\
Play the chapters of docs/tour/ step by step: read, see a command, let it run against the running
stack, see the lines of the source that answered. Enter goes on. Faults that a chapter causes are
healed, also when it is left early.
"""


def tour(paths: Paths, arguments: Sequence[str]) -> int:
    """Play the guided tour; from which chapter on can be said."""
    pages = chapters()
    chosen = _parser(pages).parse_args(arguments)
    if chosen.list:
        print(*(f"{page.number}  {page.title}" for page in pages), sep="\n")
        return control.OK
    stack = control.running(paths)
    screen = Screen(waits=not chosen.yes)
    try:
        for page in (page for page in pages if page.number >= chosen.chapter):
            with Shell(stack) as shell:
                if not _play(page, shell, screen):
                    break
            if chosen.only or page is pages[-1] or screen.ask(_next(pages, page)) == _LEAVE:
                break
    except KeyboardInterrupt:
        print()
        return _INTERRUPTED
    return control.OK


def _play(page: Chapter, shell: Shell, screen: Screen) -> bool:
    """Play one chapter; whether it was played to its end."""
    healing = [command for command in page.commands if command.heals]
    screen.title(page)
    try:
        for number, step in enumerate(page.steps):
            match step:
                case Prose():
                    screen.prose(step)
                case Excerpt():
                    screen.excerpt(step)
                case Command():
                    if not _run(step, shell, screen):
                        return False
                    if step in healing:
                        healing.remove(step)
                # What comes back stands on the terminal, just now and for real.
                case Shown() if not isinstance(page.steps[number - 1], Command):
                    screen.shown(step)
    finally:
        for command in healing:
            shell.run(command.text)
    return True


def _run(command: Command, shell: Shell, screen: Screen) -> bool:
    """Run one when the person says so; false when they want to leave."""
    screen.command(shell.here(command.text))
    answer = screen.ask("Enter runs it, s skips it, q leaves:")
    if answer == _LEAVE:
        return False
    if answer != _SKIP:
        code = shell.run(command.text).returncode
        if code != 0:
            screen.status(code)
    return True


def _next(pages: Sequence[Chapter], page: Chapter) -> str:
    following = pages[pages.index(page) + 1]
    return f"\nNext: {following.number}. {following.title}. Enter goes on, q leaves:"


def _parser(pages: Sequence[Chapter]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab tour", description=_DESCRIPTION)
    numbers = [page.number for page in pages]
    parser.add_argument("chapter", nargs="?", type=int, choices=numbers, default=1)
    parser.add_argument("--only", action="store_true", help="this chapter and no further")
    parser.add_argument("--list", action="store_true", help="name the chapters")
    parser.add_argument("--yes", action="store_true", help="ask nothing, run everything")
    return parser
