"""What `make seed` refuses before it looks for a stack."""

from pathlib import Path

import pytest

from lab.seed.command import seed
from lab.stack.errors import LabError
from lab.stack.paths import Paths


@pytest.mark.parametrize("text", ["many", "-1", "1e3", "1000001", "٢٠٠", "9" * 5000, "200 "])
def test_what_is_no_number_of_orders_is_refused_with_its_variable(
    text: str, tmp_path: Path
) -> None:
    """A person reads what is wrong and what to give instead."""
    with pytest.raises(LabError, match=r"SEED_ORDERS=.* Give one from 0 to 1000000"):
        seed(Paths(tmp_path), {"SEED_ORDERS": text})


@pytest.mark.parametrize("text", ["", "0", "1000000"])
def test_without_a_stack_it_says_how_to_start_one(text: str, tmp_path: Path) -> None:
    """The number was right; an empty one counts as not given."""
    with pytest.raises(LabError, match="make start"):
        seed(Paths(tmp_path), {"SEED_ORDERS": text})
