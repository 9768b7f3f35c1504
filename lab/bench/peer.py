"""Installs the Fastify service that `make bench` compares with this service. Needs Node.js."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

from lab.stack.errors import LabError

SOURCE: Final = Path(__file__).with_name("peers") / "fastify"
_OLDEST_NODE: Final = (20, 12)
_INSTALL_TIMEOUT_SECONDS: Final = 120


def install(directory: Path) -> Path:
    """Copy the Fastify service to `directory`, install its packages, and return its program.

    The packages are not installed in the checkout, because the checkout's linters would read them.

    :raises LabError: when Node.js is missing or too old, or when `npm ci` fails. The message is a
        sentence with the reason.
    """
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None or _version(node) < _OLDEST_NODE:
        oldest = ".".join(map(str, _OLDEST_NODE))
        raise LabError(
            f"Fastify is not measured, because Node.js {oldest} or newer with npm is missing."
        )
    shutil.copytree(SOURCE, directory, ignore=shutil.ignore_patterns("node_modules"))
    try:
        subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_INSTALL_TIMEOUT_SECONDS,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise LabError(
            "Fastify is not measured, because `npm ci` could not install its packages."
        ) from error
    return directory / "server.js"


def packages() -> dict[str, str]:
    """Return the pinned version of each package that the Fastify service depends on."""
    manifest = json.loads((SOURCE / "package.json").read_text())
    return dict(manifest["dependencies"])


def _version(node: str) -> tuple[int, ...]:
    text = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(map(int, re.findall(r"\d+", text)))
