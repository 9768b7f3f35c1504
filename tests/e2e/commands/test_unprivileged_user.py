"""A user without rights installs and runs everything. The other tests may run as root."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx2
import psutil
import pytest

from lab.stack.config.paths import Paths
from lab.stack.config.ports import free_port
from lab.stack.processes.termination import has_ended
from lab.stack.state import State
from tests.accounts import signup_body
from tests.checkout import copy_files

USER = "nobody"

pytestmark = pytest.mark.slow


class Checkout:
    """A copy of the checkout that belongs to the user, with the ports of its stack."""

    def __init__(self, directory: Path) -> None:
        """Copy the files, and give them to the user."""
        self.directory = directory
        self.http_port = free_port()
        self._environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(directory),
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(free_port()),
        }
        copy_files(directory)
        for path in (directory, *directory.rglob("*")):
            shutil.chown(path, USER)

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command as the user."""
        return subprocess.run(
            command,
            cwd=self.directory,
            env=self._environment,
            user=USER,
            group=pwd.getpwnam(USER).pw_gid,
            extra_groups=[],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture
def checkout() -> Iterator[Checkout]:
    """A checkout in a directory that the user can reach."""
    if os.geteuid() != 0:
        pytest.skip("These tests run as a user without rights already.")
    with tempfile.TemporaryDirectory(prefix="roundtrip-user-") as name:
        checkout = Checkout(Path(name))
        if checkout.run("sh", "lab/python.sh", "-c", "").returncode != 0:
            pytest.skip("Outside of root's home directory, there is no Python that is new enough.")
        yield checkout
        assert checkout.run("make", "stop").returncode == 0


def test_a_user_without_rights_installs_and_starts_the_stack(checkout: Checkout) -> None:
    """All servers run as this user. A signup succeeds, and `make stop` ends all processes."""
    started = checkout.run("make", "start")
    assert started.returncode == 0, started.stdout
    address = f"http://localhost:{checkout.http_port}/api/users"
    assert httpx2.post(address, json=signup_body(), timeout=20).status_code == 201
    state = State.load(Paths(checkout.directory / ".lab"))
    assert state is not None
    supervisor = psutil.Process(state.supervisor.pid)
    processes = [supervisor, *supervisor.children(recursive=True)]
    assert {process.username() for process in processes} == {USER}
    assert len(processes) > 6
    stopped = checkout.run("make", "stop")
    assert stopped.returncode == 0, stopped.stdout
    assert all(map(has_ended, processes))
