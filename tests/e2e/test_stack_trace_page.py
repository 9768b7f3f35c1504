"""docs/trace.md, executed."""

from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of


@pytest.mark.slow
def test_the_page_shows_a_request_and_faults(stack: LocalStack, tmp_path: Path) -> None:
    """Every command does what the page shows; the first one also makes `.venv/bin/lab`."""
    assert Terminal(stack, tmp_path).follow(blocks_of("docs/trace.md")) == 4
