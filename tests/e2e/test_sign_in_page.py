"""docs/sign-in.md, executed: each way to sign in, with what it shows."""

from pathlib import Path

from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of


def test_every_command_about_signing_in_does_what_it_shows(
    own_stack: LocalStack, tmp_path: Path
) -> None:
    """Tokens, a cookie, and somebody who vouches, on a stack that nobody has used before."""
    own_stack.start()
    assert Terminal(own_stack, tmp_path).follow(blocks_of("docs/sign-in.md")) >= 11
