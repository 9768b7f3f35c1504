"""Executes README.md and docs/calls.md, and compares the outputs that they show."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.stack.processes.waiting import wait_until
from lab.tour.chapters import Command
from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of
from tests.service import CHECKOUT

# `make test` would run all tests, including this one. So this test only prints the command.
REPLACEMENTS = {"make test\n": "make -n test | grep pytest\n"}


def test_every_command_prints_what_its_page_shows(tmp_path: Path) -> None:
    """All commands run in order, in one shell, on a new stack that `make up` starts."""
    first, *blocks = blocks_of("README.md") + blocks_of("docs/calls.md")
    assert first == Command("make up\n")
    # On a busy machine, Redis may need longer than the default timeout of 0.15 s. The service would
    # then log the name of an exception, but `_make_up` allows no "Error" in the output.
    stack = LocalStack(REDIS_TIMEOUT="1")
    try:
        with _make_up(stack):
            assert Terminal(stack, tmp_path, REPLACEMENTS).run_and_compare(blocks) >= 8
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
        assert wait_until(stack.is_running, timeout_s=120)
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=60)[0]
    # The stack exits with 0. But make also receives the SIGINT, and the signal may terminate make.
    assert process.returncode in {0, -signal.SIGINT}, output
    assert "Error" not in output
    # The output has one readable line for each request.
    assert re.search(r"201 POST +/api/users ", output)
