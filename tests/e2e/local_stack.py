"""A whole local stack for tests, driven by the commands that a developer uses."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
import psutil

from lab.http_client import Response, send
from lab.stack import control
from lab.stack.config.paths import Paths
from lab.stack.config.ports import free_port
from lab.stack.processes.identity import Identity
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.apps import AppProcess
from lab.stack.servers.caddy import CaddyServer
from lab.stack.servers.server import Server
from lab.stack.stack import Stack
from lab.stack.state import State
from tests.service import CHECKOUT

EXCLUDED_VARIABLES = {
    # Variables that a developer may have set for their own stack.
    *("DATABASE_URL", "REDIS_URL", "RATE_LIMIT_REDIS_URL"),
    *("LAB_DIR", "HTTP_PORT", "HTTPS_PORT", "TRUSTED_PROXIES", "EMAIL", "PASSWORD"),
    *("OIDC_ISSUER", "OIDC_NAME", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"),
    *("SMTP_URL", "MAIL_FROM", "ACCOUNT_PAGES_URL", "PUBLIC_URL"),
    # A developer's own collector must not get the spans of the tests.
    *(name for name in os.environ if name.startswith("OTEL_")),
    # The make that runs the tests sets these variables. With them, a make that a test starts would
    # print different output.
    *("MAKEFLAGS", "MAKELEVEL", "MFLAGS"),
    # Variables that the caller may set for the make that runs the tests, such as which tests to
    # run.
    *("ARGS", "METHOD", "URL", "ITEMS", "CHAPTER"),
}

# The settings of an external identity provider, which no test calls. With them, the stack starts
# no provider of its own, which saves a second.
NO_PROVIDER = {
    "OIDC_ISSUER": "http://127.0.0.1:9",
    "OIDC_CLIENT_ID": "roundtrip",
    "OIDC_CLIENT_SECRET": "unused client secret",
}


class LocalStack:
    """A stack with its own directory and ports. `run` and `spawn` pass both to `python -m lab`."""

    def __init__(self, **settings: str) -> None:
        """Choose free ports and create an empty directory. Start nothing."""
        # Not in pytest's directory: if root runs the tests, only root can read that directory, but
        # PostgreSQL runs as another user.
        self.directory = Path(tempfile.mkdtemp(prefix="roundtrip-stack-"))
        self.directory.chmod(0o755)
        self.http_port, self.https_port = free_port(), free_port()
        self.environment: Mapping[str, str] = {
            **{name: value for name, value in os.environ.items() if name not in EXCLUDED_VARIABLES},
            "LAB_DIR": str(self.directory),
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.https_port),
            **settings,
        }

    @property
    def smtp_port(self) -> int:
        """The port of the mailbox of a started stack."""
        return int((self.directory / "collector" / "smtp-port").read_text())

    def spawn(self, *command: str, **settings: str) -> "subprocess.Popen[str]":
        """Start a command in its own session, with its output in a pipe."""
        return subprocess.Popen(
            [sys.executable, "-m", "lab", *command],
            cwd=CHECKOUT,
            env={**self.environment, **settings},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *command: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Run a command, and wait until it ends."""
        process = self.spawn(*command, **settings)
        output = process.communicate(timeout=120)[0]
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def succeed(self, *command: str, **settings: str) -> str:
        """Run a command, which must succeed, and return its output."""
        result = self.run(*command, **settings)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def start(self) -> None:
        """Start the stack in the background."""
        self.succeed("start")

    def is_running(self) -> bool:
        """Return whether the stack runs. Unlike `lab status`, this needs no new process."""
        return State.load(Paths(self.directory)) is not None

    @property
    def parts(self) -> Stack:
        """The servers and processes of the running stack, and its addresses."""
        return control.running(Paths(self.directory))

    def wait_for_provider(self) -> None:
        """Wait until the identity provider is ready, because a stack starts to serve earlier.

        An app process that has asked the provider too early does not ask again for some seconds.
        """
        assert wait_until(self.parts.provider.ready, timeout_s=60)

    def wait_for_cache(self) -> None:
        """Wait until both app processes read through the cache.

        After failures of Redis, a process does not use it for some seconds.
        """

        def is_used(app: AppProcess) -> bool:
            response = httpx2.get(f"http://127.0.0.1:{app.port}/api/products", verify=False)
            return response.headers.get("X-Cache") in {"hit", "miss"}

        apps = self.parts.apps
        assert wait_until(lambda: all(map(is_used, apps)), timeout_s=20)

    def discard(self) -> None:
        """Stop the stack and delete its data."""
        self.succeed("reset")
        shutil.rmtree(self.directory)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        https: bool = False,
    ) -> Response:
        """Send a request on a new connection."""
        content = None if body is None else json.dumps(body)
        content_type = {"Content-Type": "application/json"} if body is not None else {}
        all_headers = {**content_type, **(headers or {})}
        if https:
            url, tls = f"https://localhost:{self.https_port}{path}", self.ssl_context()
        else:
            url, tls = f"http://localhost:{self.http_port}{path}", None
        return send(method, url, headers=all_headers, body=content, tls=tls, timeout_s=30)

    def log_in(self, email: str, password: str) -> str:
        """Log in and return the access token."""
        body = {"email": email, "password": password}
        response = self.request("POST", "/api/auth/login", body=body)
        assert response.status == 200, response.text
        token: str = response.json()["access_token"]
        return token

    @contextmanager
    def event_stream(self) -> Iterator[http.client.HTTPResponse]:
        """Open the collector's event stream through the load balancer, as the lab's page does."""
        connection = http.client.HTTPConnection("localhost", self.http_port, timeout=30)
        try:
            connection.request("GET", "/lab/api/events")
            yield connection.getresponse()
        finally:
            connection.close()

    def ssl_context(self) -> ssl.SSLContext:
        """Return an SSL context that trusts only the stack's own certificate authority."""
        return ssl.create_default_context(cafile=str(self.directory / "ca.crt"))

    def identities(self) -> dict[str, Identity]:
        """Return the identity of each process by name: `supervisor`, or the directory's name."""
        identities = {
            record.parent.name: Identity.load(record)
            for record in self.directory.glob("*/process.json")
        }
        state = self.directory / "stack.json"
        if state.exists():
            identities["supervisor"] = Identity(**json.loads(state.read_text())["supervisor"])
        return {name: identity for name, identity in identities.items() if identity}

    def kill(self, name: str) -> Identity:
        """Send SIGKILL to a process, wait until it is gone, and return its identity."""
        identity = self.identities()[name]
        psutil.Process(identity.pid).kill()
        assert wait_until(lambda: identity.process() is None, timeout_s=10)
        return identity


@contextmanager
def running_stack(**settings: str) -> Iterator[LocalStack]:
    """Start a stack with these settings, and delete it at the end of the block."""
    stack = LocalStack(**settings)
    try:
        stack.start()
        yield stack
    finally:
        stack.discard()


@contextmanager
def running_caddy(
    upstreams: Callable[[], Sequence[int]], settings: Mapping[str, str] | None = None
) -> Iterator[LocalStack]:
    """Start only a load balancer, in front of the ports that `upstreams` returns.

    `settings` are variables of deploy/Caddyfile.
    """
    stack = LocalStack(**NO_PROVIDER)
    caddy = CaddyServer(
        stack.directory / "caddy",
        ports=(stack.http_port, stack.https_port),
        ca_certificate=stack.directory / "ca.crt",
        log=stack.directory / "logs" / "caddy.log",
        upstreams=upstreams,
    )
    caddy.settings = lambda: settings or {}
    # Requests wait in these sockets until Caddy has started.
    caddy.open_sockets("start")
    try:
        caddy.launch()
        yield stack
    finally:
        caddy.stop()
        caddy.close_sockets()
        stack.discard()


def wait_until_replaced(server: Server, before: object) -> None:
    """Wait until the server has a ready process that is not `before`."""
    replaced = wait_until(
        lambda: server.identity not in {before, None} and server.ready(), timeout_s=60
    )
    assert replaced, f"{server.name} was not replaced within 60 s"


def read_until(process: "subprocess.Popen[str]", text: str) -> str:
    """Return the output up to the first line that contains the text."""
    assert process.stdout
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError("".join(lines))
