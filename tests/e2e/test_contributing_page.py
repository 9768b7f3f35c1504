"""CONTRIBUTING.md: the changes of its example are applied, and the endpoint works."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT, copy_checkout

_DIFF = re.compile(r"^```diff\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_TEST = re.compile(r"^```python (tests/\S+)\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_example_endpoint_can_be_added_as_the_page_says(tmp_path: Path) -> None:
    """Its tests pass, its style is right, and the imports go down."""
    page = (CHECKOUT / "CONTRIBUTING.md").read_text()
    clone = copy_checkout(tmp_path)
    changes = _DIFF.findall(page)
    assert len(changes) == 4
    for change in changes:
        # Lines before it may have been added or removed since the page was written.
        subprocess.run(["git", "apply", "-C1"], cwd=clone, input=change, check=True, text=True)
    ((name, test),) = _TEST.findall(page)
    (clone / name).write_text(test)
    for command in (
        ["ruff", "check"],
        ["ruff", "format", "--check"],
        ["lint-imports"],
        ["python", "-m", "pytest", "-n0", name, "tests/integration/test_openapi.py"],
    ):
        subprocess.run([clone / ".venv" / "bin" / command[0], *command[1:]], cwd=clone, check=True)
