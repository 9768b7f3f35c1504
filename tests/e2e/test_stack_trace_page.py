"""Executes docs/trace.md."""

from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of


@pytest.mark.slow
def test_the_trace_page_shows_real_outputs(stack: LocalStack, tmp_path: Path) -> None:
    """Every command succeeds. The outputs on the page are the real outputs."""
    assert Terminal(stack, tmp_path).run_and_compare(blocks_of("docs/trace.md")) == 4
