"""The README, executed: every command in it runs, and what it shows is what comes back."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.stack.waiting import wait_until
from tests.e2e.local_stack import CHECKOUT, LocalStack
from tests.e2e.pages import Terminal, blocks_of

# The tests need not run themselves.
INSTEAD = {"make test\n": "make -n test | grep pytest\n"}


def test_every_command_of_the_readme_does_what_it_shows(tmp_path: Path) -> None:
    """From `make up` to the last call, in one shell, on a stack that nobody has used before."""
    first, *blocks = blocks_of("README.md")
    assert first == ("sh", "make up\n")
    stack = LocalStack()
    try:
        with _make_up(stack):
            assert Terminal(stack, tmp_path, INSTEAD).follow(blocks) >= 8
    finally:
        stack.discard()


@contextmanager
def _make_up(stack: LocalStack) -> Iterator[None]:
    process = subprocess.Popen(
        ["make", "up"],
        cwd=CHECKOUT,
        env=dict(stack.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert wait_until(stack.runs, timeout_s=120)
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=60)[0]
    # The stack ends well; make, which got the Ctrl-C too, ends by it, as make does.
    assert process.returncode in {0, -signal.SIGINT}, output
    assert "Error" not in output
    # One readable line per request.
    assert re.search(r"201 POST +/api/users ", output)
