"""Estimates how long a chapter takes, by the same rule for each chapter."""

import math
from typing import Final

from lab.tour.chapters import Chapter, Prose

_WORDS_PER_MINUTE: Final = 200
"""The speed of reading a technical text in a second language."""
_SECONDS_PER_LINE: Final = 2
"""For a line of a command, of source code or of output, which few people read word by word."""
_SECONDS_PER_COMMAND: Final = 10
"""To run a command. Most commands take less than a second, and a few take 20."""


def minutes(chapter: Chapter) -> int:
    """Return about how many minutes the chapter takes, rounded up."""
    words, lines = 0, 0
    for step in chapter.steps:
        if isinstance(step, Prose):
            words += len(step.text.split())
        else:
            lines += len(step.text.splitlines())
    seconds = lines * _SECONDS_PER_LINE + len(chapter.commands) * _SECONDS_PER_COMMAND
    return math.ceil(words / _WORDS_PER_MINUTE + seconds / 60)
