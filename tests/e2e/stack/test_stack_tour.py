"""`lab tour` on a terminal, with the input of a user."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.local_stack import LocalStack
from tests.service import CHECKOUT

PROMPT = "q leaves:"
# Much longer than any of the commands takes.
MAX_WAIT_SECONDS = 60


class TourUser:
    """Reads the output up to the next question, and types the answer, as a user does."""

    def __init__(self, terminal: int) -> None:
        """`terminal` is the file descriptor of the user's side of a pseudo-terminal."""
        self._terminal = terminal

    def read(self) -> str:
        """Return the output up to the next question, or to the end."""
        text, deadline = "", time.monotonic() + MAX_WAIT_SECONDS
        while PROMPT not in text:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self._terminal], [], [], left)[0]:
                pytest.fail(
                    f"No question and no end within {MAX_WAIT_SECONDS} s, but this:\n{text}"
                )
            try:
                text += os.read(self._terminal, 4096).decode(errors="replace")
            except OSError:
                # The program has closed its side of the terminal.
                break
        return text

    def answer(self, key: str = "") -> str:
        """Type the key and Enter, and return the output up to the next question."""
        os.write(self._terminal, f"{key}\n".encode())
        return self.read()


@contextmanager
def running_tour(
    stack: LocalStack, *arguments: str
) -> Iterator[tuple[TourUser, "subprocess.Popen[str]"]]:
    """Start the tour, without colours."""
    user_side, program_side = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "tour", *arguments],
        cwd=CHECKOUT,
        env={**stack.environment, "TERM": "dumb", "COLUMNS": "100"},
        stdin=program_side,
        stdout=program_side,
        stderr=program_side,
        text=True,
        start_new_session=True,
    )
    os.close(program_side)
    try:
        yield TourUser(user_side), process
    finally:
        os.close(user_side)
        try:
            process.wait(timeout=30)
        finally:
            process.kill()


def test_a_user_can_run_a_command_skip_one_and_leave(stack: LocalStack) -> None:
    """A command that runs prints its output, and a skipped one does not."""
    with running_tour(stack, "1") as (user, process):
        shown = user.read()
        assert "1. Names and addresses" in shown
        assert re.search(r"Chapter 1 of \d+, about \d+ minutes", shown)
        assert re.search(r"Step 1 of \d+", shown)
        assert "$ .venv/bin/lab trace --print w /livez" in shown
        assert "GET /livez: 200 in" in user.answer()
        skipped = user.answer("s")
        assert "lab/trace/client/connecting.py:" in skipped
        assert "No address found" not in skipped
        user.answer("q")
        assert process.wait(timeout=10) == 0


def test_leaving_early_heals_the_faults_of_the_chapter(stack: LocalStack) -> None:
    """Redis, which the chapter has stopped, is up again."""
    with running_tour(stack, "8") as (user, process):
        shown = user.read()
        while "fault redis stop" not in shown:
            assert PROMPT in shown, shown
            shown = user.answer("s")
        assert "Valkey is stopped" in user.answer()
        user.answer("q")
        assert process.wait(timeout=30) == 0
    stack.wait_for_cache()
