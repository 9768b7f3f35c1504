"""Runs the unit tests of the page's JavaScript, in tests/unit/page, with Deno."""

import subprocess
import sysconfig
from pathlib import Path

from lab.stack.paths import CHECKOUT


def test_the_unit_tests_of_the_page_pass() -> None:
    """These modules compute what the page shows. They need no browser and no permissions."""
    result = subprocess.run(
        [
            Path(sysconfig.get_path("scripts")) / "deno",
            "test",
            "--no-prompt",
            "--no-check",
            "--config=lab/page/deno.json",
            "tests/unit/page",
        ],
        cwd=CHECKOUT,
        env={"NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
