"""The process of `lab psql` becomes psql, so only psql handles Ctrl-C and the exit status."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from lab.stack.config.environment import Choices
from lab.stack.config.paths import CHECKOUT, Paths
from lab.stack.processes.identity import Identity
from lab.stack.processes.lock import Lock
from lab.stack.processes.waiting import wait_until
from lab.stack.state import State

Psql = Callable[..., "subprocess.Popen[str]"]

STACK_VARIABLES = {"DATABASE_URL", "PGPASSWORD"}


@pytest.fixture
def psql(database_url: str, tmp_path: Path) -> Iterator[Psql]:
    """Starts `lab psql` with the state of a running stack that uses the tests' database."""
    paths = Paths(tmp_path)
    choices = Choices.from_environment(
        {"DATABASE_URL": database_url.replace("postgresql:", "postgresql+psycopg:")}
    )
    lock = Lock(paths.lock)
    assert lock.acquire()
    State(Identity.of(os.getpid()), choices, ready=True).save(paths)
    environment: Mapping[str, str] = {
        **{name: value for name, value in os.environ.items() if name not in STACK_VARIABLES},
        "LAB_DIR": str(tmp_path),
    }

    def start(*arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "lab", "psql", "-X", *arguments],
            cwd=CHECKOUT,
            env=environment,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A shell in a terminal also starts each command in a process group of its own.
            start_new_session=True,
        )

    yield start
    lock.release()


def test_the_exit_status_is_that_of_psql(psql: Psql) -> None:
    """The exit status of `lab psql` is the status of psql, such as 3 after a failed script."""
    with psql("-Atc", "SELECT current_user") as process:
        out, err = process.communicate()
        assert (process.returncode, out.count("\n"), err) == (0, 1, "")
    with psql("-v", "ON_ERROR_STOP=1", "-f", "-") as process:
        process.communicate("SELECT nothing;")
        assert process.returncode == 3


def test_ctrl_c_only_cancels_the_query(psql: Psql, database_url: str) -> None:
    """Only psql prints a message, and `lab` prints none. No argument contains the password."""
    waiting = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(61)%'"
    with (
        psycopg.connect(database_url, autocommit=True) as connection,
        psql("-At", "-c", "SELECT pg_sleep(61)") as process,
    ):
        assert wait_until(lambda: connection.execute(waiting).fetchone() is not None, timeout_s=20)
        password = urlsplit(database_url).password
        assert password is None or password not in " ".join(psutil.Process(process.pid).cmdline())
        # On Ctrl-C, a terminal sends SIGINT to every process of the foreground group.
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert err == "Cancel request sent\nERROR:  canceling statement due to user request\n"
    assert (process.returncode, out) == (1, "")
