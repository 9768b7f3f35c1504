"""Node.js as this machine has it, and the packages that a directory of the tests locks."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def installed(name: str, directory: Path) -> Path:
    """Copy a directory of tests/clients to another place, and install its packages there.

    Skips the test, and says so loudly, when there is no Node.js.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("NO NODE: install Node.js 20 or newer with npm, such as `apt install npm`")
    target = directory / name
    shutil.copytree(HERE / name, target, ignore=shutil.ignore_patterns("node_modules"))
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", directory=target)
    return target


def run(*command: str, directory: Path) -> str:
    """Run a program that succeeds, one of the installed packages included; return its output."""
    programs = directory / "node_modules" / ".bin"
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    result = subprocess.run(
        command,
        cwd=directory,
        env={**os.environ, **quiet, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
