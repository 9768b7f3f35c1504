"""`make doctor` in a checkout without problems, and in checkouts with problems."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.stack.config.ports import LOOPBACK, free_port
from tests.service import CHECKOUT

# A Python without the packages of .venv, as before the installation.
BARE_PYTHON = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
COPIED = ("Makefile", "lab", "requirements", "deploy", ".ci", ".env.example")


def new_checkout(directory: Path) -> Path:
    """Copy the files that the doctor needs and checks."""
    for name in COPIED:
        source, target = CHECKOUT / name, directory / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return directory


def run_doctor(checkout: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run `make doctor` with only PATH, HOME, PYTHON, free ports, and these variables."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ports = {"HTTP_PORT": str(free_port()), "HTTPS_PORT": str(free_port())}
    return subprocess.run(
        [str(shutil.which("make")), "doctor"],
        cwd=checkout,
        env={**inherited, **ports, "PYTHON": BARE_PYTHON, **variables},
        check=False,
        capture_output=True,
        text=True,
    )


def write_program(path: Path, *lines: str) -> None:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)


def test_a_fresh_checkout_has_no_problems(tmp_path: Path) -> None:
    """Before the installation there are no packages. The doctor needs only the standard library."""
    result = run_doctor(new_checkout(tmp_path))
    assert result.returncode == 0, result.stdout
    assert result.stdout.endswith("No problems found.\n")
    assert "ok       There is no .venv yet" in result.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The output for a checkout with many problems at once."""
    checkout = new_checkout(tmp_path_factory.mktemp("checkout"))
    (checkout / ".lab" / "postgres" / "data").mkdir(parents=True)
    (checkout / ".lab" / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    (checkout / ".lab" / "postgres" / "process.json").write_text('{"pid": 4711, "created": 1.0}')
    later = time.time() + 3600
    os.utime(checkout / ".lab", (later, later))
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "incomplete").touch()
    write_program(checkout / "old" / "make", "echo GNU Make 3.79")
    hosts = f"localhost:{free_port()},[::1]:{free_port()}"
    with socket.create_server((LOOPBACK, 0)) as occupier:
        result = run_doctor(
            checkout,
            PATH=f"{checkout / 'old'}{os.pathsep}{os.environ['PATH']}",
            HTTP_PORT=str(occupier.getsockname()[1]),
            DATABASE_URL=f"postgresql://user:secret@{hosts}/x",
            REDIS_URL=f"redis://{LOOPBACK}:{occupier.getsockname()[1]}/0",
            RATE_LIMIT_LOGIN="3/minute",
            http_proxy="http://proxy.example:3128",
            PYTHONPATH="/opt/other",
            PYTHONHOME="/nowhere",
        )
    assert "make: *** [" in result.stderr
    assert "secret" not in result.stdout
    return result.stdout


@pytest.mark.parametrize(
    "line",
    [
        r"problem  `make` is GNU Make 3\.79, not GNU make 3\.81 or newer\. Install GNU make",
        r"problem  The clock is slow: \S+/\.lab has a time 60 minutes in the future\. Set the",
        r"problem  An installation into \.venv was interrupted\. Repeat it.*:  make up",
        r"note     The parts of the stack in \S+/\.lab are not checked: \.venv does not work\.",
        r"problem  The data in \S+ are of PostgreSQL 9\. PostgreSQL \d\d cannot read.*  make reset",
        r"problem  Port \d+ is taken by .*\. Use another port:  HTTP_PORT=\d+ make up",
        r"problem  DATABASE_URL is set, but no server answers at localhost:\d+, ::1:\d+\..*unset",
        r"problem  http_proxy sends requests to localhost .*:  export no_proxy=localhost",
        r"problem  PYTHONPATH=/opt/other mixes other modules .*:  unset PYTHONPATH",
        r"problem  PYTHONHOME=/nowhere mixes other modules .*:  unset PYTHONHOME",
        r"note     REDIS_URL is set: 127\.0\.0\.1:\d+ replaces the stack's own Valkey\.",
        r"note     The service uses these variables of your shell: RATE_LIMIT_LOGIN\.",
        r"Problems: 9\. ",
    ],
)
def test_each_problem_is_listed_with_its_remedy(output: str, line: str) -> None:
    """No problem hides another. Each problem is one line with a command or an instruction."""
    assert re.search(f"^{line}", output, flags=re.MULTILINE), output


@pytest.mark.parametrize(
    ("venv_python", "line"),
    [
        ("exit 1", r"The Python of \.venv does not run.*:  make clean && make up"),
        (
            "echo 3 9",
            r"\.venv is of Python 3\.9, but make finds 3\.\d+.*  make up PYTHON=python3\.9",
        ),
        (
            f'exec "{sys.executable}" "$@"',
            r"\.venv has other versions than requirements/dev\.txt\..*  make test",
        ),
    ],
    ids=["broken", "of another Python", "stale"],
)
def test_an_unusable_venv_is_reported(tmp_path: Path, venv_python: str, line: str) -> None:
    """The Python of .venv does not start, has another version, or has other packages."""
    checkout = new_checkout(tmp_path)
    write_program(checkout / ".venv" / "bin" / "python", venv_python)
    (checkout / ".venv" / "installed-dev").write_text("the digest of another file")
    result = run_doctor(checkout)
    assert result.stdout.endswith("Problems: 1. Fix the first problem first.\n"), result.stdout
    assert re.search(f"^problem  {line}", result.stdout, flags=re.MULTILINE), result.stdout


def test_a_check_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    """A file of the data cannot be read. The doctor checks the ports nevertheless."""
    checkout = new_checkout(tmp_path)
    (checkout / ".lab" / "postgres" / "data" / "PG_VERSION").mkdir(parents=True)
    result = run_doctor(checkout, HTTP_PORT="eighty")
    assert "problem  The data could not be checked: " in result.stdout
    assert "problem  HTTP_PORT=eighty is not a number from 1 to 65535" in result.stdout


def test_a_missing_python_is_reported_first(tmp_path: Path) -> None:
    """The doctor is a Python program. So a shell script reports that Python is missing."""
    result = run_doctor(new_checkout(tmp_path), PYTHON=str(tmp_path / "no-python"))
    assert "Python 3.11 or newer is needed" in result.stderr
    assert "Install Python:  " in result.stderr
