"""Describes the machine on which the figures are measured, and the programs' versions."""

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from lab.bench import peer
from lab.bench.pinning import Processors
from lab.stack.config.paths import CHECKOUT
from lab.stack.servers import wheels

_PACKAGES: Final = (
    *("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "sqlalchemy"),
    *("psycopg", "psycopg-pool", "redis", "PyJWT", "argon2-cffi"),
)


def description(processors: Processors, load_before: float) -> Mapping[str, str]:
    """Return the hardware, and the version of each program that affects the figures."""
    return {
        "machine": f"{_processor()}, {os.cpu_count()} logical processors"
        f" ({psutil.cpu_count(logical=False)} cores), {_memory()}",
        "system": f"{platform.system()} {platform.release()}",
        "busy before the run": f"load average {load_before:.1f}",
        "the server's processor": _division(processors),
        "Python": platform.python_version(),
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "PostgreSQL": _first_number(wheels.postgres_install() / "bin" / "postgres", "--version"),
        "Valkey": _first_number(wheels.valkey_server(), "--version"),
        "Caddy": _first_number(wheels.caddy(), "version"),
        "wrk": _first_number(shutil.which("wrk"), "-v"),
        **_node(),
        "the service": _revision(),
    }


def _processor() -> str:
    names = re.findall(r"^model name\s*: (.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    return names[0] if names else platform.processor() or platform.machine()


def _memory() -> str:
    return f"{psutil.virtual_memory().total / 2**30:.0f} GiB"


def _division(processors: Processors) -> str:
    if not processors.divided:
        return "shared with all else"
    servers, rest = (
        ",".join(map(str, sorted(part))) for part in (processors.server, processors.rest)
    )
    return f"{servers}; all else on {rest}"


def _node() -> Mapping[str, str]:
    node = shutil.which("node")
    if node is None:
        return {}
    packages = ", ".join(f"{name} {pin}" for name, pin in peer.packages().items())
    return {"Node.js": _first_number(node, "--version"), "its packages": packages}


def _revision() -> str:
    # If there are uncommitted changes, the revision ends with `-dirty`. An archive has no revision.
    return _output_of("git", "-C", CHECKOUT, "describe", "--always", "--dirty") or "unknown"


def _first_number(program: Path | str | None, *arguments: str) -> str:
    match = re.search(r"\d+(\.\d+)+", _output_of(program, *arguments)) if program else None
    return match[0] if match else "unknown"


def _output_of(*command: Path | str) -> str:
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return result.stdout.strip()


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
