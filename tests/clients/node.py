"""Runs this machine's Node.js, with the packages in the lock file of a directory."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest


def installed(source: Path, directory: Path) -> Path:
    """Copy a directory with a lock file into `directory`, and install its packages there.

    Skips the test if Node.js or npm is missing. The report of the skip says how to install them.
    """
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip(
            "NO NODE: install Node.js 20 or newer with npm, for example with `apt install npm`"
        )
    target = directory / source.name
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("node_modules"))
    run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", directory=target)
    return target


def run(*command: str, directory: Path, stdin: str | None = None) -> str:
    """Run a program and return its output. The program must succeed.

    The program may belong to an installed package.
    """
    programs = directory / "node_modules" / ".bin"
    no_telemetry = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    result = subprocess.run(
        command,
        cwd=directory,
        input=stdin,
        env={**os.environ, **no_telemetry, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
