"""The README, executed: every command in it runs, and what it shows is what comes back."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.stack.waiting import wait_until
from tests.e2e.local_stack import CHECKOUT, LocalStack

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# What is different each time, and what stands for it on both sides of the comparison.
VARYING = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "<time>"),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", "<date>"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<request id>"),
    (r'Etag: "[\w-]{24}"', "<etag>"),
)


def test_every_command_of_the_readme_does_what_it_shows(tmp_path: Path) -> None:
    """From `make up` to the last call, in one shell, on a stack that nobody has used before."""
    blocks = BLOCK.findall((CHECKOUT / "README.md").read_text())
    assert [text for kind, text in blocks if kind == "sh"][:1] == ["make up\n"]
    stack = LocalStack()
    try:
        with _make_up(stack):
            _follow(blocks[1:], stack, tmp_path)
    finally:
        stack.discard()


def _follow(blocks: list[tuple[str, str]], stack: LocalStack, scratch: Path) -> None:
    shown = 0
    for number, (kind, text) in enumerate(blocks):
        if kind != "sh":
            continue
        if text == "make test\n":
            assert "pytest" in _run("make -n test", stack, scratch)
            continue
        output = _run(text, stack, scratch)
        following = blocks[number + 1] if number + 1 < len(blocks) else ("", "")
        if following[0] in {"http", "json"} or "make admin" in text:
            assert _settled(output) == _settled(following[1]), text
            shown += 1
    assert shown >= 8


@contextmanager
def _make_up(stack: LocalStack) -> Iterator[None]:
    process = subprocess.Popen(
        ["make", "up"],
        cwd=CHECKOUT,
        env=dict(stack.environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        assert wait_until(lambda: stack.run("status").returncode == 0, timeout_s=120)
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        output = process.communicate(timeout=60)[0]
    # The stack ends well; make, which got the Ctrl-C too, ends by it, as make does.
    assert process.returncode in {0, -signal.SIGINT}, output
    assert "Error" not in output
    # One readable line per request.
    assert re.search(r"201 POST +/api/users ", output)


def _run(text: str, stack: LocalStack, scratch: Path) -> str:
    variables = scratch / "variables"
    here = (
        text.replace("localhost:8080", f"localhost:{stack.http_port}")
        .replace("POST :8080", f"POST :{stack.http_port}")
        .replace("localhost:8443", f"localhost:{stack.https_port}")
        .replace(".lab/", f"{stack.directory}/")
    )
    # Variables that one block sets are there in the next, as in one terminal.
    keep = f'declare -p TOKEN ETAG > "{variables}" 2> /dev/null || true'
    script = f'. "{variables}"\n{here}\n{keep}'
    variables.touch()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euc", script],
        cwd=CHECKOUT,
        env={
            **stack.environment,
            "PATH": path,
            "HTTPIE_CONFIG_DIR": str(_as_on_a_terminal(scratch)),
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


def _settled(text: str) -> str:
    lines = "\n".join(line.rstrip() for line in text.strip().splitlines())
    for pattern, name in VARYING:
        lines = re.sub(pattern, name, lines)
    return lines
