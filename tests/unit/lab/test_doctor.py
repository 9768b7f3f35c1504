"""`make doctor` on machines that are well, and on one where everything is wrong at once."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.stack.ports import LOOPBACK, free_port

CHECKOUT = Path(__file__).parents[3]
# Without the packages of .venv, as on the first day.
BARE_PYTHON = str(Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}")
USED = ("Makefile", "lab", "requirements", "deploy", ".ci", ".env.example")


def new_checkout(place: Path) -> Path:
    """Copy what the doctor needs and looks at."""
    for name in USED:
        source, target = CHECKOUT / name, place / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return place


def see_doctor(checkout: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run `make doctor` in a shell that has nothing else set."""
    shell = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ports = {"HTTP_PORT": str(free_port()), "HTTPS_PORT": str(free_port())}
    return subprocess.run(
        [str(shutil.which("make")), "doctor"],
        cwd=checkout,
        env={**shell, **ports, "PYTHON": BARE_PYTHON, **variables},
        check=False,
        capture_output=True,
        text=True,
    )


def write_program(path: Path, *lines: str) -> None:
    """Put a shell script where a program is looked for."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)


def test_a_fresh_checkout_is_well(tmp_path: Path) -> None:
    """Before anything has been installed, and with nothing but the standard library."""
    result = see_doctor(new_checkout(tmp_path))
    assert result.returncode == 0, result.stdout
    assert result.stdout.endswith("No problems found.\n")
    assert "ok       There is no .venv yet" in result.stdout
    assert not (tmp_path / ".venv").exists()


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What is said where everything is wrong at once."""
    checkout = new_checkout(tmp_path_factory.mktemp("checkout"))
    (checkout / ".lab" / "postgres" / "data").mkdir(parents=True)
    (checkout / ".lab" / "postgres" / "data" / "PG_VERSION").write_text("9\n")
    (checkout / ".lab" / "postgres" / "process.json").write_text('{"pid": 4711, "created": 1.0}')
    later = time.time() + 3600
    os.utime(checkout / ".lab", (later, later))
    (checkout / ".venv").mkdir()
    (checkout / ".venv" / "incomplete").touch()
    write_program(checkout / "old" / "make", "echo GNU Make 3.79")
    with socket.create_server((LOOPBACK, 0)) as occupier:
        result = see_doctor(
            checkout,
            PATH=f"{checkout / 'old'}{os.pathsep}{os.environ['PATH']}",
            HTTP_PORT=str(occupier.getsockname()[1]),
            DATABASE_URL=f"postgresql://somebody:secret@localhost:{free_port()}/x",
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
        r"problem  The clock is behind: \S+/\.lab was written 60 minutes from now\. Set it",
        r"problem  An installation into \.venv was interrupted\. Repeat it.*:  make up",
        r"problem  A stack on \S+ was killed, and may have left postgres \(process 4711\)\.",
        r"problem  The data in \S+ are of PostgreSQL 9, which \d\d cannot read\..*  make reset",
        r"problem  Port \d+ is taken by .*\. HTTP_PORT moves it:  HTTP_PORT=\d+ make up",
        r"problem  DATABASE_URL is set, but no server answers at localhost:\d+\..*unset DATABASE_",
        r"problem  http_proxy sends requests to localhost .*:  export no_proxy=localhost",
        r"problem  PYTHONPATH=/opt/other mixes other modules .*:  unset PYTHONPATH",
        r"problem  PYTHONHOME=/nowhere mixes other modules .*:  unset PYTHONHOME",
        r"note     REDIS_URL is set: 127\.0\.0\.1:\d+ replaces the stack's own Valkey\.",
        r"note     The service uses these variables of your shell: RATE_LIMIT_LOGIN\.",
        r"Problems: 10\. ",
    ],
)
def test_everything_that_is_wrong_is_named_with_what_mends_it(said: str, line: str) -> None:
    """One problem does not hide the next, and each is a line with a command in it."""
    assert re.search(f"^{line}", said, flags=re.MULTILINE), said


@pytest.mark.parametrize(
    ("of_venv", "line"),
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
def test_a_venv_that_does_not_fit_is_named(tmp_path: Path, of_venv: str, line: str) -> None:
    """Its Python does not start, is another one, or has the packages of another commit."""
    checkout = new_checkout(tmp_path)
    write_program(checkout / ".venv" / "bin" / "python", of_venv)
    (checkout / ".venv" / "installed-dev").write_text("the digest of another file")
    result = see_doctor(checkout)
    assert result.stdout.endswith("Problems: 1. Fix the first one first.\n"), result.stdout
    assert re.search(f"^problem  {line}", result.stdout, flags=re.MULTILINE), result.stdout


def test_a_check_that_cannot_look_does_not_end_the_others(tmp_path: Path) -> None:
    """A power cut has left half a record; the ports are looked at all the same."""
    checkout = new_checkout(tmp_path)
    (checkout / ".lab" / "valkey").mkdir(parents=True)
    (checkout / ".lab" / "valkey" / "process.json").write_text('{"pid"')
    result = see_doctor(checkout, HTTP_PORT="eighty")
    assert "problem  The data could not be checked: " in result.stdout
    assert "problem  HTTP_PORT=eighty is not a port. Give a number" in result.stdout


def test_no_python_is_named_before_anything_else(tmp_path: Path) -> None:
    """The doctor is a Python program itself, and says so by the shell."""
    result = see_doctor(new_checkout(tmp_path), PYTHON=str(tmp_path / "no-python"))
    assert "Python 3.11 or newer is needed" in result.stderr
    assert "Install one:  " in result.stderr
