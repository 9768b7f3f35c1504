"""Executes docs/graphql.md: queries, an order, and a refused query."""

from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of


@pytest.mark.slow
def test_the_graphql_page_shows_real_outputs(own_stack: LocalStack, tmp_path: Path) -> None:
    """The page reads, orders, follows a list, and shows both kinds of errors."""
    own_stack.start()
    own_stack.run("seed")
    assert Terminal(own_stack, tmp_path).run_and_compare(blocks_of("docs/graphql.md")) == 5
