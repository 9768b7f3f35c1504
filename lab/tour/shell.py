"""The shell of a chapter: what one command sets, the next one knows."""

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

# The addresses that the pages name; a stack may have others.
_HTTP, _HTTPS, _DIRECTORY = "localhost:8080", "localhost:8443", ".lab/"


class Shell:
    """Runs commands in the checkout by `sh`, one process each; variables are kept in between."""

    def __init__(self, stack: Stack, environment: Mapping[str, str] = os.environ) -> None:
        """Commands are told where this stack is, whatever the pages say."""
        choices = stack.choices
        self._replaced = {
            _HTTP: f"localhost:{choices.http_port}",
            _HTTPS: f"localhost:{choices.https_port}",
            _DIRECTORY: f"{shlex.quote(str(stack.paths.root))}/",
        }
        # `python3` is the one that everything here runs with; nothing waits in a pager.
        path = os.pathsep.join((str(CHECKOUT / ".venv" / "bin"), environment.get("PATH", "")))
        # What goes through a pipe is as wide as what does not.
        width = str(shutil.get_terminal_size().columns)
        self._environment = {"COLUMNS": width, **environment, "PATH": path, "PAGER": "cat"}

    def __enter__(self) -> Self:
        """Begin with no variables but those of the environment."""
        self._scratch = tempfile.TemporaryDirectory(prefix="roundtrip-tour-")
        self._variables = Path(self._scratch.name) / "variables"
        self._variables.touch()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        """Forget them."""
        self._scratch.cleanup()

    def here(self, command: str) -> str:
        """Return the command with the addresses of this stack."""
        for shown, here in self._replaced.items():
            command = command.replace(shown, here)
        return command

    def run(self, command: str, output: int | None = None) -> "subprocess.CompletedProcess[str]":
        """Run it to its end, on our own terminal or, with `subprocess.PIPE`, to be read."""
        kept = f"'{self._variables}'"
        script = f". {kept}\n{self.here(command)}\n_tour=$?\nexport -p > {kept}\nexit $_tour"
        return subprocess.run(
            # Whatever is assigned is exported (-a), as that can be written down and read again.
            ["/bin/sh", "-ac", script],
            check=False,
            cwd=CHECKOUT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            text=True,
        )
