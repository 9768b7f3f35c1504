"""The shell of a chapter, which keeps variables between commands."""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.stack.paths import CHECKOUT
from lab.stack.stack import Stack

# The addresses on the pages of the tour. The running stack may have other addresses.
_HTTP, _HTTPS, _DIRECTORY = "localhost:8080", "localhost:8443", ".lab/"


class Shell:
    """Runs each command in its own `sh` in the checkout, and keeps variables for later commands."""

    def __init__(
        self,
        stack: Stack,
        environment: Mapping[str, str] = os.environ,
        program: str = "/bin/sh",
    ) -> None:
        """In commands, the addresses of `stack` replace the addresses on the pages."""
        self._program = program
        choices = stack.choices
        self._replaced = {
            _HTTP: f"localhost:{choices.http_port}",
            _HTTPS: f"localhost:{choices.https_port}",
            _DIRECTORY: f"{shlex.quote(str(stack.paths.root))}/",
        }
        # With this PATH, `python3` is the interpreter of `.venv`. With PAGER=cat, no command waits
        # in a pager.
        path = os.pathsep.join((str(CHECKOUT / ".venv" / "bin"), environment.get("PATH", "")))
        # With COLUMNS, output through a pipe is as wide as the terminal.
        width = str(shutil.get_terminal_size().columns)
        self._environment = {"COLUMNS": width, **environment, "PATH": path, "PAGER": "cat"}

    def __enter__(self) -> Self:
        """Start a chapter. At first, it has only the variables of the environment."""
        self._scratch = tempfile.TemporaryDirectory(prefix="roundtrip-tour-")
        self._variables = Path(self._scratch.name) / "variables"
        # Commands may save a token in a variable.
        self._variables.touch(0o600)
        # Commands create temporary files here, so the files are deleted even if the user leaves
        # early. If root runs the tour, PostgreSQL in the tests of a chapter has another user.
        Path(self._scratch.name).chmod(0o755)
        self._environment["TMPDIR"] = self._scratch.name
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Delete the variables and the temporary files of the chapter."""
        self._scratch.cleanup()

    def with_real_addresses(self, command: str) -> str:
        """Return the command with the addresses of this stack."""
        for shown, real in self._replaced.items():
            command = command.replace(shown, real)
        return command

    def run(self, command: str, output: int | None = None) -> "subprocess.CompletedProcess[str]":
        """Run the command. With `subprocess.PIPE`, return its output instead of showing it."""
        file = f"'{self._variables}'"
        # `set -a` exports each assigned variable, so `export -p` saves it for the next command.
        # With the option -a, bash would also export its own variables. Some of them are read-only,
        # and POSIXLY_CORRECT changes what programs do.
        script = (
            f"set -a\n. {file}\n{self.with_real_addresses(command)}\n"
            f"_tour=$?\nexport -p > {file}\nexit $_tour"
        )
        return subprocess.run(
            [self._program, "-c", script],
            check=False,
            cwd=CHECKOUT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            text=True,
        )
