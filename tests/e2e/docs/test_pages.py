"""Executes pages of docs/, and compares the outputs that they show."""

from pathlib import Path

import pytest

from tests.e2e.local_stack import LocalStack, running_stack
from tests.e2e.pages import Terminal, blocks_of


@pytest.mark.parametrize(
    ("page", "outputs"),
    [
        pytest.param("mail", 7, marks=pytest.mark.slow),
        pytest.param("restarts", 2, marks=pytest.mark.alone),
    ],
)
def test_a_page_shows_real_outputs(
    own_stack: LocalStack, tmp_path: Path, page: str, outputs: int
) -> None:
    """Every command prints what the page shows."""
    own_stack.start()
    assert Terminal(own_stack, tmp_path).run_and_compare(blocks_of(f"docs/{page}.md")) == outputs


@pytest.mark.slow
def test_the_graphql_page_shows_real_outputs(own_stack: LocalStack, tmp_path: Path) -> None:
    """The commands read, place an order, page through a list, and cause both kinds of errors."""
    own_stack.start()
    own_stack.succeed("seed")
    assert Terminal(own_stack, tmp_path).run_and_compare(blocks_of("docs/graphql.md")) == 5


@pytest.mark.slow
def test_the_sign_in_page_shows_real_outputs(tmp_path: Path) -> None:
    """The commands sign in for tokens, for a session cookie, and at an identity provider."""
    with running_stack() as stack:
        assert Terminal(stack, tmp_path).run_and_compare(blocks_of("docs/sign-in.md")) == 14
