"""Applies the example changes in CONTRIBUTING.md, and tests the new endpoint."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.checkout import copy_checkout
from tests.service import CHECKOUT

_DIFF = re.compile(r"^```diff\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_TEST = re.compile(r"^```python (tests/\S+)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_example_changes_in_contributing_add_a_working_endpoint(tmp_path: Path) -> None:
    """After the changes, the tests, the linter, the formatter and the check of the layers pass."""
    page = (CHECKOUT / "CONTRIBUTING.md").read_text()
    clone = copy_checkout(tmp_path)
    changes = _DIFF.findall(page)
    assert len(changes) == 4
    for change in changes:
        # With -C1, only one line of context must match: lines further away may have changed.
        subprocess.run(["git", "apply", "-C1"], cwd=clone, input=change, check=True, text=True)
    ((name, test),) = _TEST.findall(page)
    (clone / name).write_text(test)
    for command in (
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["lint-imports"],
        ["python", "-m", "pytest", "-n0", name, "tests/integration/openapi/test_openapi.py"],
    ):
        subprocess.run([clone / ".venv" / "bin" / command[0], *command[1:]], cwd=clone, check=True)
