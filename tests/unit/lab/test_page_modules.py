"""The page's JavaScript: its unit tests, in tests/unit/page, and its imports."""

import re
import subprocess
import sysconfig
from pathlib import Path

from lab.stack.config.paths import CHECKOUT

STATIC = CHECKOUT / "lab" / "page" / "static"
# The directories, from the highest layer to the lowest. Type imports count, too.
LAYERS = ["static", "mail", "detail", "list", "send", "waterfall", "exchange", "stage", "ui",
          "trace", "collector"]  # fmt: skip
IMPORT = re.compile(r"""(?:from |import\()"([^"]+)\"""")


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


def test_imports_only_go_down() -> None:
    """A module imports from its own directory and from lower ones, and no import is missing."""
    for module in STATIC.rglob("*.js"):
        layer = LAYERS.index(module.parent.name)
        for path in IMPORT.findall(module.read_text()):
            imported = (module.parent / path).resolve()
            assert imported.is_file(), f"{module}: {path}"
            assert LAYERS.index(imported.parent.name) >= layer, f"{module}: {path}"
