"""`lab tour` as a person plays it, at a terminal."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.stack.waiting import wait_until
from tests.e2e.local_stack import CHECKOUT, LocalStack

ASKED = "q leaves:"
# Far beyond what any of the commands takes.
PATIENCE_S = 60


class Player:
    """Somebody who reads up to a question, and answers it."""

    def __init__(self, terminal: int) -> None:
        """Sit at the other end of the terminal."""
        self._terminal = terminal

    def read(self) -> str:
        """Return what is shown up to the next question, or to the end."""
        text, deadline = "", time.monotonic() + PATIENCE_S
        while ASKED not in text:
            left = max(deadline - time.monotonic(), 0)
            if not select.select([self._terminal], [], [], left)[0]:
                pytest.fail(f"No question and no end within {PATIENCE_S} s, but this:\n{text}")
            try:
                text += os.read(self._terminal, 4096).decode(errors="replace")
            except OSError:
                # So a terminal says that nobody writes to it any more.
                break
        return text

    def answer(self, key: str = "") -> str:
        """Type it and Enter; return what is shown then."""
        os.write(self._terminal, f"{key}\n".encode())
        return self.read()


@contextmanager
def playing(stack: LocalStack, *arguments: str) -> Iterator[tuple[Player, "subprocess.Popen[str]"]]:
    """Begin to play, without colours."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "tour", *arguments],
        cwd=CHECKOUT,
        env={**stack.environment, "TERM": "dumb", "COLUMNS": "100"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        text=True,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Player(ours), process
    finally:
        os.close(ours)
        try:
            process.wait(timeout=30)
        finally:
            process.kill()


def test_a_person_runs_a_command_skips_one_and_leaves(stack: LocalStack) -> None:
    """What runs is shown with this stack's addresses, and so is what comes back."""
    with playing(stack, "1") as (player, process):
        shown = player.read()
        assert "1. Names and addresses" in shown
        assert "$ .venv/bin/lab trace --print w /livez" in shown
        assert "GET /livez: 200 in" in player.answer()
        skipped = player.answer("s")
        assert "lab/trace/connecting.py:" in skipped
        assert "No address found" not in skipped
        player.answer("q")
        assert process.wait(timeout=10) == 0


def test_who_leaves_early_leaves_nothing_broken(stack: LocalStack) -> None:
    """Redis, which the chapter has stopped, answers again."""
    with playing(stack, "8") as (player, process):
        shown = player.read()
        while "fault redis stop" not in shown:
            assert ASKED in shown, shown
            shown = player.answer("s")
        assert "Valkey is stopped" in player.answer()
        player.answer("q")
        assert process.wait(timeout=30) == 0
    assert wait_until(lambda: stack.request("GET", "/readyz").json()["redis"] == "up", timeout_s=10)
