"""Executes docs/sign-in.md: each way to sign in."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of


@pytest.fixture
def stack() -> Iterator[LocalStack]:
    """A new stack with an identity provider, not started."""
    stack = LocalStack()
    yield stack
    stack.discard()


@pytest.mark.slow
def test_the_sign_in_page_shows_real_outputs(stack: LocalStack, tmp_path: Path) -> None:
    """The page signs in for tokens, for a session cookie, and at an identity provider."""
    stack.start()
    assert Terminal(stack, tmp_path).run_and_compare(blocks_of("docs/sign-in.md")) == 14
