"""The shell that runs the commands of a chapter, and keeps variables between the commands."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from lab.stack.config.paths import CHECKOUT
from lab.stack.stack import Stack


def addresses_of(stack: Stack) -> dict[str, str]:
    """Map each address on the pages to the address of this stack that replaces it."""
    return {
        "localhost:8080": f"localhost:{stack.choices.http_port}",
        "localhost:8443": f"localhost:{stack.choices.https_port}",
        ".lab/": f"{shlex.quote(str(stack.paths.root))}/",
    }


class Shell:
    """Runs each command in its own process, and keeps variables for later commands."""

    def __init__(
        self,
        scratch: Path,
        replacements: Mapping[str, str],
        environment: Mapping[str, str] = os.environ,
        *,
        checkout: Path = CHECKOUT,
        program: str = "/bin/sh",
    ) -> None:
        """Give the first command the variables of `environment`, and the settings below.

        Commands create their temporary files in `scratch`. In the text of a command, each key of
        `replacements` is replaced by its value.
        """
        self._program, self._checkout = program, checkout
        self._replacements = replacements
        # If root runs the tour, PostgreSQL runs as another user, who needs this access.
        scratch.chmod(0o755)
        self._variables = scratch / "variables"
        # A command can save a token in a variable, so only the owner may read the file.
        self._variables.touch(0o600)
        # With this PATH, `python3` is the interpreter of `.venv`. With COLUMNS, output through a
        # pipe is as wide as the terminal. With PAGER=cat, no command waits in a pager.
        path = os.pathsep.join((str(CHECKOUT / ".venv" / "bin"), environment.get("PATH", "")))
        self._environment = {
            # CI often checks out a commit and no branch. Without these settings, git prints advice
            # when a command clones such a checkout.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "advice.detachedHead",
            "GIT_CONFIG_VALUE_0": "false",
            "COLUMNS": str(shutil.get_terminal_size().columns),
            **environment,
            "PATH": path,
            "PAGER": "cat",
            "TMPDIR": str(scratch),
        }

    def with_real_addresses(self, command: str) -> str:
        """Return the command with the addresses of this stack."""
        for shown, real in self._replacements.items():
            command = command.replace(shown, real)
        return command

    def run(
        self, command: str, stdout: int | None = None, stderr: int | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command. `stdout` and `stderr` are as for `subprocess.run`."""
        file = f"'{self._variables}'"
        # `set -a` exports each assigned variable, so `export -p` saves it for the next command. The
        # option is not set when the shell starts, because bash would then export its own variables
        # too. Some of these are read-only, and POSIXLY_CORRECT changes what programs do.
        script = (
            f"set -a\n. {file}\n{self.with_real_addresses(command)}\n"
            f"_tour=$?\nexport -p > {file}\nexit $_tour"
        )
        return subprocess.run(
            [self._program, "-c", script],
            check=False,
            cwd=self._checkout,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            text=True,
        )
