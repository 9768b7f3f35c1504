"""Pages for people, executed: every command in them runs, and what they show is what comes back."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from tests.e2e.local_stack import CHECKOUT

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_ASSIGNED = re.compile(r"^([A-Z]+)=", re.MULTILINE)
_SHOWN = {"http", "json", "text"}
# What is different each time, and what stands for it on both sides of the comparison.
_VARYING = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z", "<time>"),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "<date>"),
    (r"\b\d\d:\d\d:\d\d UTC", "<time>"),
    (r"dur=\d+\.\d\b", "dur=<milliseconds>"),
    (r"\b[0-9a-f]{32}\b", "<request id>"),
    (r'Etag: "[\w-]{24}"', "<etag>"),
    (r"cursor=[\w-]{36}", "cursor=<cursor>"),
    (r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "<access token>"),
    (r"(?<![\w-])[\w-]{43}(?![\w-])", "<random>"),
    (r"(?<![\w-])[\w-]{22}(?![\w-])", "<token id>"),
    (r'"(iat|exp)": \d+', r'"\1": <seconds>'),
    (r"(localhost|127\.0\.0\.1)(:|%3A)\d+", r"\1:<port>"),
)

Block = tuple[str, str]


def blocks_of(page: str) -> list[Block]:
    """Return the code blocks of a page, each with its kind."""
    return _BLOCK.findall((CHECKOUT / page).read_text())


class Stack(Protocol):
    """What runs the service that the pages' commands speak to."""

    environment: Mapping[str, str]
    http_port: int
    https_port: int
    directory: Path


class Terminal:
    """One shell session against a stack: a variable that is set stays set."""

    def __init__(
        self,
        stack: Stack,
        scratch: Path,
        replaced: Mapping[str, str] | None = None,
        *,
        checkout: Path = CHECKOUT,
    ) -> None:
        """`replaced` are words that a test cannot take literally, such as a minute's pause."""
        self._stack = stack
        self._checkout = checkout
        self._scratch = scratch
        self._names = {"HOME"}
        self._replaced = {
            "localhost:8080": f"localhost:{stack.http_port}",
            "POST :8080": f"POST :{stack.http_port}",
            "localhost:8443": f"localhost:{stack.https_port}",
            ".lab/": f"{stack.directory}/",
            **(replaced or {}),
        }

    def follow(self, blocks: list[Block]) -> int:
        """Run each command and compare; how many outputs were compared."""
        compared = 0
        for (kind, text), following in zip(blocks, [*blocks[1:], ("", "")], strict=True):
            if kind == "sh":
                output = self.run(text)
                if following[0] in _SHOWN:
                    assert settled(output) == settled(following[1]), f"{text}\nprinted:\n{output}"
                    compared += 1
        return compared

    def run(self, text: str) -> str:
        """Run one block, and return what it prints."""
        for shown, here in self._replaced.items():
            text = text.replace(shown, here)
        self._names |= set(_ASSIGNED.findall(text))
        variables = self._scratch / "variables"
        variables.touch()
        keep = f'declare -p {" ".join(self._names)} > "{variables}" 2> /dev/null || true'
        script = f'. "{variables}"\n{text}\n{keep}'
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-euc", script],
            cwd=self._checkout,
            env={
                **self._stack.environment,
                "PATH": path,
                "HTTPIE_CONFIG_DIR": str(_as_on_a_terminal(self._scratch)),
            },
            check=True,
            capture_output=True,
            text=True,
        ).stdout


def _as_on_a_terminal(scratch: Path) -> Path:
    # Without a terminal, HTTPie waits for a body on stdin and leaves the output unformatted.
    options = {"default_options": ["--ignore-stdin", "--pretty=format"]}
    (scratch / "config.json").write_text(json.dumps(options))
    return scratch


def settled(text: str) -> str:
    """Return the text with a name in place of what is different each time."""
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    for pattern, name in _VARYING:
        lines = re.sub(pattern, name, lines)
    return lines
