"""docs/sign-in.md, executed: each way to sign in, with what it shows."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of


@pytest.fixture
def stack() -> Iterator[LocalStack]:
    """A stack that nobody has used before, with an identity provider."""
    stack = LocalStack()
    yield stack
    stack.discard()


@pytest.mark.slow
def test_every_command_about_signing_in_does_what_it_shows(
    stack: LocalStack, tmp_path: Path
) -> None:
    """Tokens, a cookie, and somebody who vouches."""
    stack.start()
    assert Terminal(stack, tmp_path).follow(blocks_of("docs/sign-in.md")) == 14
