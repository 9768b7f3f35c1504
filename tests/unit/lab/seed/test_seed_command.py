"""Errors that `make seed` reports even if no stack runs."""

from pathlib import Path

import pytest

from lab.seed.command import seed
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError


@pytest.mark.parametrize("text", ["many", "-1", "1e3", "1000001", "٢٠٠", "9" * 5000, "200 "])
def test_the_error_for_an_invalid_number_of_orders_names_the_variable(
    text: str, tmp_path: Path
) -> None:
    """The message also has the valid range of numbers."""
    with pytest.raises(LabError, match=r"SEED_ORDERS=.* is not a number from 0 to 1000000"):
        seed(Paths(tmp_path), {"SEED_ORDERS": text})


@pytest.mark.parametrize("text", ["", "0", "1000000"])
def test_the_error_without_a_stack_shows_how_to_start_one(text: str, tmp_path: Path) -> None:
    """These numbers are valid. An empty variable counts as not set."""
    with pytest.raises(LabError, match="make start"):
        seed(Paths(tmp_path), {"SEED_ORDERS": text})
