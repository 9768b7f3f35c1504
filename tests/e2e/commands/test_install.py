"""lab/install.py installs .venv, even after an earlier installation was killed or failed."""

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.service import CHECKOUT

KILLS = 20
PACKAGES = {
    "markdown-it-py",
    "mdurl",
    "psutil",
    "pygments",
    "rich",
    "sqlalchemy",
    "typing-extensions",
}
"""The packages that the tests install. All packages of lab.txt would take three times as long."""
_BASE_PYTHON = Path(sys.base_prefix) / "bin" / "python3"

pytestmark = pytest.mark.slow


class Checkout:
    """A copy of the files that an installation reads, without .venv, and with its own uv cache."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.cache = directory / "cache"
        (directory / "lab").mkdir(parents=True)
        shutil.copy(CHECKOUT / "lab" / "install.py", directory / "lab")
        shutil.copytree(CHECKOUT / "requirements", directory / "requirements")
        complete = (CHECKOUT / "requirements" / "lab.txt").read_text()
        packages = re.split(r"^(?=[a-z])", complete, flags=re.MULTILINE)
        few = [package for package in packages if package.partition("==")[0] in PACKAGES]
        (directory / "requirements" / "lab.txt").write_text("".join(few))

    def start(self, *, prefix: str = "", **variables: str) -> "subprocess.Popen[str]":
        """Start an installation. `prefix` is shell code that runs before the installation."""
        return subprocess.Popen(
            ["sh", "-c", f'{prefix} exec "$@"', "sh", _BASE_PYTHON, "-I", "lab/install.py", "lab"],
            cwd=self.directory,
            # pip uses the user's cache, which hardly changes the duration of an installation.
            env={**os.environ, "UV_CACHE_DIR": str(self.cache), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def install(self) -> None:
        """Run an installation, which must succeed."""
        installation = self.start()
        output, _ = installation.communicate()
        assert installation.returncode == 0, output

    def remove(self) -> None:
        """Delete .venv."""
        shutil.rmtree(self.directory / ".venv", ignore_errors=True)

    def check(self) -> None:
        """Check that every package is complete and can be imported."""
        python = self.directory / ".venv" / "bin" / "python"
        subprocess.run([python.with_name("uv"), "pip", "check", "--python", python], check=True)
        subprocess.run([python, "-c", "import psutil, rich.markdown, sqlalchemy"], check=True)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout in which the first test installs the packages."""
    directory = tmp_path_factory.mktemp("checkout")
    yield Checkout(directory)
    shutil.rmtree(directory)


def test_an_installation_that_was_killed_is_completed_by_the_next_one(checkout: Checkout) -> None:
    """20 installations are killed, with their children, at random moments. The next succeeds."""
    checkout.remove()
    began = time.monotonic()
    checkout.install()
    duration = time.monotonic() - began
    for _ in range(KILLS):
        if random.random() < 0.5:  # noqa: S311 - no secret
            # Without this file, packages are installed again, as after a change of lab.txt.
            (checkout.directory / ".venv" / "installed-lab").unlink(missing_ok=True)
        else:
            checkout.remove()
        killed = checkout.start()
        time.sleep(random.uniform(0, duration))  # noqa: S311
        with suppress(ProcessLookupError):
            os.killpg(killed.pid, signal.SIGKILL)
        killed.communicate()
    checkout.install()
    checkout.check()


def test_two_installations_at_once_both_succeed(checkout: Checkout) -> None:
    """The second installation waits for the first one, and then finds all packages installed."""
    checkout.remove()
    installations = [checkout.start() for _ in range(2)]
    outputs = [installation.communicate()[0] for installation in installations]
    assert [installation.returncode for installation in installations] == [0, 0], outputs
    assert sorted(map(bool, outputs)) == [False, True]
    checkout.check()


@pytest.mark.parametrize(
    ("prefix", "variables"),
    [
        pytest.param("", {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/nowhere"}, id="no network"),
        # The shell limits each file to 4000 blocks of 512 bytes. A write beyond this limit fails,
        # as on a full disk.
        pytest.param("ulimit -f 4000;", {}, id="no space"),
    ],
)
def test_a_failed_installation_says_what_to_do_and_can_be_repeated(
    checkout: Checkout, prefix: str, variables: dict[str, str]
) -> None:
    """The output says what to do, without a traceback. The same command then succeeds."""
    checkout.remove()
    failed = checkout.start(prefix=prefix, **variables)
    output, _ = failed.communicate()
    assert failed.returncode == 1, output
    assert "Run the same command again." in output
    assert "install.py" not in output
    checkout.install()
    checkout.check()
