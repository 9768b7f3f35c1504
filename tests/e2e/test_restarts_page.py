"""docs/restarts.md, executed."""

from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of


@pytest.mark.alone
def test_the_page_shows_how_a_process_ends(own_stack: LocalStack, tmp_path: Path) -> None:
    """Every command does what the page shows."""
    own_stack.start()
    assert Terminal(own_stack, tmp_path).follow(blocks_of("docs/restarts.md")) == 2
