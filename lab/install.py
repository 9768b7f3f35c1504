"""Installs requirements/<set>.txt into .venv: once, and again when the file changes.

Needs only the standard library. It can be killed, and run twice at the same time, without harm.
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

# Beside .venv, which may be deleted. The kernel releases the lock if this process is killed.
LOCK = CHECKOUT / ".venv.lock"

# Exists while pip works. If it exists before pip starts, pip was killed. Then .venv is created
# again, because pip considers a package as installed as soon as some of its files exist.
HALF_DONE = VENV / "half-done"

# dev.txt contains all packages of lab.txt, in the same versions.
CONTAINED = {"dev": ("lab", "dev"), "lab": ("lab",)}


def main() -> int:
    """Install the set that the command line names. Return the exit status."""
    wanted = sys.argv[1]
    if message := missing_prerequisite():
        print(message, file=sys.stderr)
        return 1
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_usable():
            _create()
        if not is_installed(wanted) and _install(wanted) != 0:
            return 1
        _write_launcher()
        return 0


def missing_prerequisite() -> str | None:
    """Return what this machine lacks, with the command that fixes it, or None."""
    for directory in (CHECKOUT, VENV):
        if directory.exists() and not os.access(directory, os.W_OK | os.X_OK):
            return (
                f"This user cannot write to {directory}. Change its owner:\n"
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
    """Return whether .venv is complete, runs, and has the version of the current Python."""
    return not HALF_DONE.exists() and version_of_venv() == sys.version_info[:2]


def version_of_venv() -> tuple[int, ...] | None:
    """Return the Python version of .venv. None if it does not run or has no pip."""
    if not VENV_PYTHON.exists():
        return None
    code = "import pip, sys; print(*sys.version_info[:2])"
    result = subprocess.run(
        [VENV_PYTHON, "-E", "-c", code], capture_output=True, text=True, check=False
    )
    return tuple(map(int, result.stdout.split())) or None


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
        # Overrides settings of the caller's pip that make no sense in a virtual environment.
        env={**os.environ, "PIP_USER": "0", "PIP_ROOT_USER_ACTION": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    last_output_lines = _show_progress(pip.stdout or iter(()))
    if pip.wait() != 0:
        print(*last_output_lines, sep="", file=sys.stderr)
        print("pip failed. Check the network, and run the command again.", file=sys.stderr)
        return 1
    for name in CONTAINED[wanted]:
        stamp(name).write_text(_digest(name))
    HALF_DONE.unlink()
    return 0


def launcher(python: Path = VENV_PYTHON, checkout: Path = CHECKOUT) -> str:
    """Return a program that runs the lab's commands from any directory."""
    # Not by PYTHONPATH, which the servers would inherit. Not by `-m`, which would import a `lab` or
    # an `app` from the current directory.
    code = (
        f"import sys; sys.path[0] = {str(checkout)!r}; from lab.__main__ import main; "
        "sys.exit(main())"
    )
    return f'#!/bin/sh\nexec {shlex.quote(str(python))} -c {shlex.quote(code)} "$@"\n'


def _write_launcher() -> None:
    if LAUNCHER.exists() and LAUNCHER.read_text() == launcher():
        return
    # It may be running. Replacing the file lets its shell continue to read the old one.
    draft = LAUNCHER.with_name("lab.new")
    draft.write_text(launcher())
    draft.chmod(0o755)
    draft.replace(LAUNCHER)


def _show_progress(lines: Iterator[str]) -> list[str]:
    """Show each package in the same line, on a terminal only. Return the last lines of output."""
    output: list[str] = []
    on_terminal = sys.stdout.isatty()
    for line in lines:
        output.append(line)
        step = re.match(r"\s*(Collecting|Downloading|Installing) ([\w.-]+)", line)
        if step and on_terminal:
            text = "Installing them" if step[1] == "Installing" else f"{step[1]} {step[2]}"
            print(f"\r\033[K  {text[:70]}", end="", flush=True)
    if on_terminal:
        print("\r\033[K", end="", flush=True)
    return output[-20:]


def is_installed(name: str) -> bool:
    """Return whether .venv contains a set in the versions that its file names now."""
    return stamp(name).exists() and stamp(name).read_text() == _digest(name)


def _digest(name: str) -> str:
    return hashlib.sha256(_requirements(name).read_bytes()).hexdigest()


def stamp(name: str) -> Path:
    """Return the file that exists if .venv contains a set, in any versions."""
    return VENV / f"installed-{name}"


def _requirements(name: str) -> Path:
    return CHECKOUT / "requirements" / f"{name}.txt"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted. Run the command again: it starts from the beginning.")
