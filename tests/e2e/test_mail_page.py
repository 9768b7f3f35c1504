"""Executes docs/mail.md: messages, their links, and a failed job."""

from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of


@pytest.mark.slow
def test_the_mail_page_shows_real_outputs(own_stack: LocalStack, tmp_path: Path) -> None:
    """The page uses each kind of link, lets a job fail, and retries it."""
    own_stack.start()
    assert Terminal(own_stack, tmp_path).run_and_compare(blocks_of("docs/mail.md")) == 7
