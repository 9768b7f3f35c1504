"""Installs the packages of requirements/<set>.txt into .venv, unless .venv already has them.

pip installs uv. Then uv installs the packages of the set, in a fifth of the time that pip takes.
This program needs only the standard library. A kill at any time does no lasting harm: the next run
creates .venv again. Two processes can run this program at the same time.
"""

import fcntl
import hashlib
import importlib.util
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
from ast import literal_eval
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VENV = CHECKOUT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
LAUNCHER = VENV / "bin" / "lab"
# The packages of the identity provider have their own directory. They contain modules `tests` and
# `doc`, which Python must not import instead of the modules of this repository.
PROVIDER = VENV / "provider"
# The programs of `make kubernetes-test` and `make pod-test`. Only these targets install them,
# because they are as large as all other packages together.
KUBERNETES = VENV / "kubernetes"
DIRECTORIES = {"provider": PROVIDER, "kubernetes": KUBERNETES}

PIP = (str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check")

# The lock file is outside .venv, because `_create` deletes .venv.
LOCK = CHECKOUT / ".venv.lock"

# This file exists during an installation. If a later run finds this file, the installation failed
# or was killed. Then .venv is created again, because pip and uv treat a package as installed as
# soon as some of its files exist.
INCOMPLETE = VENV / "incomplete"

# uv does not read pip's configuration, but must use the same mirror, proxy and certificates as pip.
# So these settings of pip become environment variables of uv.
UV_VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "proxy": "ALL_PROXY",
}


class InstallError(Exception):
    """An installation failed. The text says why, and what to do next."""


def main() -> int:
    """Install uv, the set that the command line names, and the provider. Return the exit status."""
    try:
        check_machine()
        with LOCK.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _install_missing(("uv", sys.argv[1], "provider"))
            _write_launcher()
    except InstallError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        # For example, the disk is full.
        advice = "Remove the cause, then run the same command again."
        print(f"The installation failed: {error}. {advice}", file=sys.stderr)
        return 1
    return 0


def _install_missing(names: Sequence[str]) -> None:
    usable = not INCOMPLETE.exists() and version_of_venv() == sys.version_info[:2]
    if usable and all(map(is_installed, names)):
        return
    print(f"Installing packages into .venv (Python {platform.python_version()})", flush=True)
    if not usable:
        _create()
    for name in names:
        if not is_installed(name):
            _install(name)


def check_machine() -> None:
    """Raise `InstallError` if .venv cannot be created here. The message says what to do."""
    for directory in (CHECKOUT, VENV):
        if directory.exists() and not os.access(directory, os.W_OK | os.X_OK):
            raise InstallError(
                f"This user cannot write to {directory}. Change its owner:\n"
                f"  sudo chown -R {os.getuid()} {directory}"
            )
    if all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        return
    version = platform.python_version()
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if shutil.which("apt-get"):
        sudo = "sudo " if os.geteuid() else ""
        raise InstallError(
            f"Python {version} lacks its venv module. Install it:\n  {sudo}apt install {package}"
        )
    raise InstallError(
        f"Python {version} ({sys.executable}) lacks its venv or ensurepip module. Install it from "
        f"your system's packages, or name another Python:\n  make start PYTHON=/path/to/python3"
    )


def version_of_venv() -> tuple[int, ...] | None:
    """Return the Python version of .venv. None if its Python does not run."""
    if not VENV_PYTHON.exists():
        return None
    code = "import sys; print(*sys.version_info[:2])"
    result = subprocess.run(
        # Every make target waits for this command, so the command imports only `sys`.
        [VENV_PYTHON, "-ISc", code],
        capture_output=True,
        text=True,
        check=False,
    )
    return tuple(map(int, result.stdout.split())) or None


def _create() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    INCOMPLETE.touch()
    _run([sys.executable, "-m", "venv", str(VENV)], os.environ)


def _install(name: str) -> None:
    requirements = _requirements(name)
    INCOMPLETE.touch()
    # uv also removes packages that are not in the set. So installing `lab` makes `dev` incomplete.
    for changed in ("lab", "dev") if name in {"lab", "dev"} else (name,):
        stamp(changed).unlink(missing_ok=True)
    if name == "uv":
        _install_by_pip(requirements)
    else:
        directory = DIRECTORIES.get(name)
        _install_by_uv(requirements, ["--target", str(directory)] if directory else [])
    # dev.txt contains all of lab.txt, in the same versions.
    for contained in ("lab", "dev") if name == "dev" else (name,):
        stamp(contained).write_text(_digest(contained))
    INCOMPLETE.unlink()


def _install_by_pip(requirements: Path) -> None:
    # In a virtual environment, pip must not use `--user`, and must not warn root.
    environment = {**os.environ, "PIP_USER": "0", "PIP_ROOT_USER_ACTION": "ignore"}
    _run(
        [*PIP, "install", "--quiet", "--no-input", "--no-deps", "--only-binary=:all:",
         "--require-hashes", "--requirement", str(requirements)],
        environment,
    )  # fmt: skip


def _install_by_uv(requirements: Path, options: Sequence[str]) -> None:
    configuration = subprocess.run(
        [*PIP, "config", "list"], capture_output=True, text=True, check=False
    )
    _run(
        [str(VENV / "bin" / "uv"), "pip", "sync", "--quiet", "--python", str(VENV_PYTHON),
         "--require-hashes", "--no-build", "--compile-bytecode", "--no-config", "--system-certs",
         # As with pip, a package may come from any of the indexes. This is safe, because the hash
         # of each package is checked.
         "--index-strategy", "unsafe-best-match", *options, str(requirements)],
        {**uv_settings(configuration.stdout), **_cache_setting(), **os.environ},
    )  # fmt: skip


def uv_settings(configuration: str) -> dict[str, str]:
    """Return uv's variables for a configuration, which is the output of `pip config list`."""
    values: dict[str, str] = {}
    # pip's variables (`:env:`) override its configuration files. In these, `install` overrides
    # `global`.
    for section in ("global", "install", ":env:"):
        for key, value in re.findall(rf"^{section}\.([\w-]+)=(.*)$", configuration, re.MULTILINE):
            if key in UV_VARIABLES:
                values[UV_VARIABLES[key]] = " ".join(str(literal_eval(value)).split())
    # uv expects commas between the values of UV_FIND_LINKS, and spaces in its other lists.
    if links := values.get("UV_FIND_LINKS"):
        values["UV_FIND_LINKS"] = links.replace(" ", ",")
    return values


def _cache_setting() -> dict[str, str]:
    """Return the variable that turns off uv's cache. Empty if this user can write to the cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"
    while not cache.exists():
        cache = cache.parent
    return {} if os.access(cache, os.W_OK | os.X_OK) else {"UV_NO_CACHE": "1"}


def _run(command: Sequence[str], environment: Mapping[str, str]) -> None:
    result = subprocess.run(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise InstallError(
            f"{result.stdout.strip()}\n\nThe installation failed: {Path(command[0]).name} ended "
            f"with {result.returncode}. Installing needs the network. Run the same command again."
        )


def launcher(python: Path = VENV_PYTHON, checkout: Path = CHECKOUT) -> str:
    """Return a shell script that runs the lab's commands, from any directory."""
    # The script sets sys.path itself. With PYTHONPATH, the servers would inherit the variable. With
    # `python -m lab`, Python would import a `lab` or an `app` from the current directory.
    code = (
        f"import sys; sys.path[0] = {str(checkout)!r}; from lab.__main__ import main; "
        "sys.exit(main())"
    )
    return f'#!/bin/sh\nexec {shlex.quote(str(python))} -c {shlex.quote(code)} "$@"\n'


def _write_launcher() -> None:
    if LAUNCHER.exists() and LAUNCHER.read_text() == launcher():
        return
    # A shell may be reading the launcher. After the rename, that shell still reads the old file.
    draft = LAUNCHER.with_name("lab.new")
    draft.write_text(launcher())
    draft.chmod(0o755)
    draft.replace(LAUNCHER)


def is_installed(name: str) -> bool:
    """Return whether .venv contains a set in the versions that its requirements file has now."""
    return stamp(name).exists() and stamp(name).read_text() == _digest(name)


def _digest(name: str) -> str:
    return hashlib.sha256(_requirements(name).read_bytes()).hexdigest()


def stamp(name: str) -> Path:
    """Return the file that exists while .venv contains a set, in current or older versions."""
    return VENV / f"installed-{name}"


def _requirements(name: str) -> Path:
    return CHECKOUT / "requirements" / f"{name}.txt"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Run the same command again.")
