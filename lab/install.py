"""Installs requirements/<set>.txt into .venv: once, and again when the file changes.

Needs nothing but the standard library. Safe to kill and to run twice at the same time.
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
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
VENV = CHECKOUT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
LAUNCHER = VENV / "bin" / "lab"

# Beside .venv, as that may have to be deleted. The kernel lets go of it when we are killed.
LOCK = CHECKOUT / ".venv.lock"

# Exists while pip works. Whoever finds it knows that pip was killed, and starts from nothing: pip
# takes a package for installed as soon as some of its files are there.
HALF_DONE = VENV / "half-done"

# dev.txt has all that lab.txt has, in the same versions.
CONTAINED = {"dev": ("lab", "dev"), "lab": ("lab",)}


def main() -> int:
    """Install the set that the command line names; its exit status."""
    wanted = sys.argv[1]
    if wrong := complaint():
        print(wrong, file=sys.stderr)
        return 1
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_usable():
            _create()
        if not is_installed(wanted) and _install(wanted) != 0:
            return 1
        _write_launcher()
        return 0


def complaint() -> str | None:
    """Say what this machine lacks, together with the command that mends it."""
    for directory in (CHECKOUT, VENV):
        if directory.exists() and not os.access(directory, os.W_OK | os.X_OK):
            return (
                f"{directory} cannot be written by this user. Make it yours:\n"
                f"  sudo chown -R {os.getuid()} {directory}"
            )
    if all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        return None
    version = platform.python_version()
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if shutil.which("apt-get"):
        sudo = "sudo " if os.geteuid() else ""
        return f"Python {version} lacks its venv module. Install it:\n  {sudo}apt install {package}"
    return (
        f"Python {version} ({sys.executable}) lacks its venv or ensurepip module. Install your "
        f"system's package of it, or name another Python:\n  make start PYTHON=/path/to/python3"
    )


def _is_usable() -> bool:
    """Whether .venv is whole, runs, and is of the Python that runs this."""
    return not HALF_DONE.exists() and version_of_venv() == sys.version_info[:2]


def version_of_venv() -> tuple[int, ...] | None:
    """Return which Python .venv is of; None when it does not run, or has lost its pip."""
    if not VENV_PYTHON.exists():
        return None
    question = "import pip, sys; print(*sys.version_info[:2])"
    answer = subprocess.run(
        [VENV_PYTHON, "-E", "-c", question], capture_output=True, text=True, check=False
    )
    return tuple(map(int, answer.stdout.split())) or None


def _create() -> None:
    print(f"Creating .venv with Python {platform.python_version()}", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    VENV.mkdir()
    HALF_DONE.touch()
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)


def _install(wanted: str) -> int:
    requirements = _requirements(wanted)
    total = len(re.findall(r"^[A-Za-z0-9]", requirements.read_text(), flags=re.MULTILINE))
    print(f"Installing up to {total} packages of requirements/{wanted}.txt", flush=True)
    HALF_DONE.touch()
    for name in CONTAINED[wanted]:
        stamp(name).unlink(missing_ok=True)
    pip = subprocess.Popen(
        [VENV_PYTHON, "-m", "pip", "install", "--require-hashes", "--no-input",
         "--disable-pip-version-check", "--progress-bar=off", "-r", requirements],
        # Settings of the caller's own pip that make no sense in a virtual environment.
        env={**os.environ, "PIP_USER": "0", "PIP_ROOT_USER_ACTION": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    last_words = _show_progress(pip.stdout or iter(()))
    if pip.wait() != 0:
        print(*last_words, sep="", file=sys.stderr)
        print("pip failed. Is the network there? Once it is, run the same again.", file=sys.stderr)
        return 1
    for name in CONTAINED[wanted]:
        stamp(name).write_text(_digest(name))
    HALF_DONE.unlink()
    return 0


def launcher(python: Path = VENV_PYTHON, checkout: Path = CHECKOUT) -> str:
    """Return a program that runs the lab's commands, from whatever directory it is called."""
    # No PYTHONPATH, which the servers would inherit; no `-m`, which takes a `lab` or an `app` of
    # the directory that somebody stands in.
    code = (
        f"import sys; sys.path[0] = {str(checkout)!r}; from lab.__main__ import main; "
        "sys.exit(main())"
    )
    return f'#!/bin/sh\nexec {shlex.quote(str(python))} -c {shlex.quote(code)} "$@"\n'


def _write_launcher() -> None:
    if LAUNCHER.exists() and LAUNCHER.read_text() == launcher():
        return
    # It may be running: its shell goes on reading the old file.
    draft = LAUNCHER.with_name("lab.new")
    draft.write_text(launcher())
    draft.chmod(0o755)
    draft.replace(LAUNCHER)


def _show_progress(lines: Iterator[str]) -> list[str]:
    """On a terminal, show each package in the same line; elsewhere print nothing."""
    seen: list[str] = []
    on_terminal = sys.stdout.isatty()
    for line in lines:
        seen.append(line)
        step = re.match(r"\s*(Collecting|Downloading|Installing) ([\w.-]+)", line)
        if step and on_terminal:
            text = "Installing them" if step[1] == "Installing" else f"{step[1]} {step[2]}"
            print(f"\r\033[K  {text[:70]}", end="", flush=True)
    if on_terminal:
        print("\r\033[K", end="", flush=True)
    return seen[-20:]


def is_installed(name: str) -> bool:
    """Whether .venv has a set in the versions that the file names now."""
    return stamp(name).exists() and stamp(name).read_text() == _digest(name)


def _digest(name: str) -> str:
    return hashlib.sha256(_requirements(name).read_bytes()).hexdigest()


def stamp(name: str) -> Path:
    """Return the file that is there when .venv has a set, in whatever versions."""
    return VENV / f"installed-{name}"


def _requirements(name: str) -> Path:
    return CHECKOUT / "requirements" / f"{name}.txt"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Run the same again: it goes on from the start.")
