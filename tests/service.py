"""A service process for tests: real sockets, a real PostgreSQL and a real Redis server."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from lab.stack.config.ports import free_port
from lab.stack.config.secrets import signing_key
from lab.stack.processes.waiting import wait_until
from tests import preloaded
from tests.pooler import pooled
from tests.preloaded import Preloaded

CHECKOUT = Path(__file__).parents[1]
TIMEOUT_SECONDS = 30.0

# Rate limits that no test reaches.
HIGH_LIMITS = {
    f"RATE_LIMIT_{name}": "1000000/minute"
    for name in ("SIGNUP", "LOGIN", "LOGIN_FAILURES", "PASSWORD", "MAIL", "DEFAULT")
}

Process = subprocess.Popen[bytes] | Preloaded


@dataclass(frozen=True)
class Service:
    """A running process of the service."""

    url: str
    client: httpx2.Client
    log: Path
    process: Process

    def address(self) -> tuple[str, int]:
        """Return the host and port for a raw socket."""
        return "127.0.0.1", int(self.url.rpartition(":")[2])


def environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """Return a complete environment, without the settings of the developer's shell."""
    kept = {
        name: value
        for name, value in os.environ.items()
        # `make coverage` also measures the processes that the tests start.
        if name in {"PATH", "LANG", "HOME"} or name.startswith("COVERAGE_")
    }
    return {
        **kept,
        **HIGH_LIMITS,
        "ENVIRONMENT": "local",
        "TOKEN_SIGNING_KEY": signing_key(),
        "DRAIN_DELAY": "0",
        # On a busy machine, Redis can take longer than the default timeout of 150 ms. Only the
        # tests of a slow Redis use 150 ms.
        "REDIS_TIMEOUT": "1",
        "REDIS_KEY_PREFIX": f"test-{secrets.token_hex(4)}",
        "PYTHONWARNINGS": "error",
        **overrides,
    }


@contextmanager
def running_service(
    log: Path, settings: Mapping[str, str], *, release: Path = CHECKOUT, host: str = "127.0.0.1"
) -> Iterator[Service]:
    """Start a service with these settings, and stop it at the end of the block.

    It listens on `host`, or on all addresses of this machine if `host` is empty.
    """
    port = free_port()
    arguments = ["--factory", "app.main:create_app", "--host", host, "--port", str(port)]
    arguments += ["--no-access-log", "--no-server-header", "--reset-contextvars"]
    # 300 seconds are longer than any test takes. With uvicorn's default of five seconds, the server
    # could close an idle connection just when the client sends the next request on it.
    arguments += ["--timeout-keep-alive", "300"]
    process = _start(arguments, environment(pooled(settings)), log, release)
    url = f"http://127.0.0.1:{port}"
    try:
        # With `verify`, each client would load the machine's certificates, which takes 25 ms. The
        # service has no TLS.
        with httpx2.Client(base_url=url, timeout=20, verify=False) as client:
            wait_until_alive(client, process, log)
            yield Service(url, client, log, process)
    finally:
        end(process)


def end(process: Process) -> None:
    """End a process by SIGTERM, unless it has ended already."""
    process.terminate()
    try:
        process.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def run_app(*arguments: str, settings: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a command for operators: `python -m app` with these arguments."""
    return preloaded.run(["app", *arguments], environment=environment(pooled(settings)))


def _start(
    arguments: Sequence[str], variables: Mapping[str, str], log: Path, release: Path
) -> Process:
    log.touch()
    if release == CHECKOUT:
        return Preloaded(["uvicorn", *arguments], environment=variables, stdout=log)
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *arguments],
            cwd=release,
            env=dict(variables),
            stdout=output,
            stderr=subprocess.STDOUT,
        )


def wait_until_alive(client: httpx2.Client, process: Process, log: Path) -> None:
    """Wait until the service answers. Fail with its log if it ends, or does not answer in time."""
    assert wait_until(
        lambda: _answers(client),
        timeout_s=TIMEOUT_SECONDS,
        abort=lambda: process.poll() is not None,
    ), f"the service did not start:\n{log.read_text()}"


def _answers(client: httpx2.Client) -> bool:
    try:
        return client.get("/livez").is_success
    except httpx2.TransportError:
        return False
