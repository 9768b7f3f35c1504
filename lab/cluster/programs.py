"""Finds the programs of a cluster, which the system's package manager installs."""

import os
import shutil
from typing import Final

from lab.stack.errors import LabError

# Patroni needs `python3-etcd` to connect to etcd.
_PACKAGES: Final = "etcd-server patroni pgbouncer python3-etcd"
# Debian installs PgBouncer here, and the PATH of most users lacks this directory.
_SYSTEM_PROGRAMS: Final = "/usr/sbin"


def program(name: str) -> str:
    """Return the path of an installed program.

    :raises LabError: when the program is not installed. The message says how to install it.
    """
    path = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}{_SYSTEM_PROGRAMS}")
    if path is None:
        raise LabError(f"{name} is not installed. On Debian and Ubuntu:  apt install {_PACKAGES}")
    return path
