"""Executes documentation pages: runs their commands, and compares the outputs with the page."""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from lab.tour.chapters import Command, Prose, Shown, Step, read_steps
from lab.tour.shell import Shell
from tests.service import CHECKOUT

# Texts that differ in each run, and the placeholders that replace them in both compared texts.
_VARYING = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", "<time>"),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "<date>"),
    (r"\b\d\d:\d\d:\d\d UTC", "<time>"),
    (r"dur=\d+\.\d\b", "dur=<milliseconds>"),
    (r"\b[0-9a-f]{32}\b", "<request id>"),
    (r'Etag: "[\w-]{24}"', "<etag>"),
    (r'(?i)(cursor(=|":"))[\w-]{36}', r"\1<cursor>"),
    (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "<access token>"),
    (r"(?<![\w-])[\w-]{43}(?![\w-])", "<random>"),
    (r"(?<![\w-])[\w-]{22}(?![\w-])", "<token id>"),
    (r'"(iat|exp)": \d+', r'"\1": <seconds>'),
    (r"(localhost|127\.0\.0\.1)(:|%3A)\d+", r"\1:<port>"),
)


def blocks_of(page: str) -> list[Step]:
    """Return the code blocks of a page."""
    steps = read_steps((CHECKOUT / page).read_text())
    return [step for step in steps if not isinstance(step, Prose)]


def commands_of(steps: Iterable[Step]) -> Iterator[tuple[Command, Shown | None]]:
    """Yield each command, and the output that the page shows directly after it."""
    for step, following in pairwise([*steps, None]):
        if isinstance(step, Command):
            yield step, following if isinstance(following, Shown) else None


class Stack(Protocol):
    """The stack that the commands of a page use."""

    environment: Mapping[str, str]
    http_port: int
    https_port: int
    directory: Path


class Terminal:
    """A shell session that uses a stack. Variables stay set from one block to the next."""

    def __init__(
        self,
        stack: Stack,
        scratch: Path,
        replacements: Mapping[str, str] | None = None,
        *,
        checkout: Path = CHECKOUT,
    ) -> None:
        """`replacements` maps parts of the commands, such as a long pause, to what runs instead."""
        replaced = {
            "localhost:8080": f"localhost:{stack.http_port}",
            "POST :8080": f"POST :{stack.http_port}",
            "localhost:8443": f"localhost:{stack.https_port}",
            ".lab/": f"{stack.directory}/",
            **(replacements or {}),
        }
        environment = {**stack.environment, "HTTPIE_CONFIG_DIR": str(_httpie_config(scratch))}
        self._shell = Shell(scratch, replaced, environment, checkout=checkout, program="bash")

    def run_and_compare(self, blocks: Iterable[Step]) -> int:
        """Run the commands and compare their outputs. Return the number of compared outputs."""
        compared = 0
        for command, shown in commands_of(blocks):
            output = self.run(command.text)
            if shown is not None:
                assert normalized(output) == normalized(shown.text), f"{command.text}\n{output}"
                compared += 1
        return compared

    def run(self, text: str) -> str:
        """Run one block, and return its output."""
        result = self._shell.run(f"set -eu\n{text}", subprocess.PIPE, subprocess.PIPE)
        assert result.returncode == 0, f"{text}\nprinted:\n{result.stdout}{result.stderr}"
        return result.stdout


def _httpie_config(scratch: Path) -> Path:
    # Without a terminal, HTTPie waits for a body on stdin and leaves the output unformatted.
    options = {"default_options": ["--ignore-stdin", "--pretty=format"]}
    (scratch / "config.json").write_text(json.dumps(options))
    return scratch


def normalized(text: str) -> str:
    """Return the text with placeholders for the parts that differ in each run."""
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    for pattern, name in _VARYING:
        lines = re.sub(pattern, name, lines)
    return lines
