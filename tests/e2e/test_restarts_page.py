"""Executes docs/restarts.md."""

from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of


@pytest.mark.alone
def test_the_restarts_page_shows_real_outputs(own_stack: LocalStack, tmp_path: Path) -> None:
    """Every command prints what the page shows."""
    own_stack.start()
    assert Terminal(own_stack, tmp_path).run_and_compare(blocks_of("docs/restarts.md")) == 2
