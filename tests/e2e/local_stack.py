"""A whole local stack of the tests' own, driven by the commands that a person uses."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from lab.stack.identity import Identity
from lab.stack.paths import Paths
from lab.stack.ports import free_port
from lab.stack.state import State
from lab.stack.waiting import wait_until

CHECKOUT = Path(__file__).resolve().parents[2]

# What a developer may have set for a stack of their own.
NOT_OURS = {"DATABASE_URL", "REDIS_URL", "LAB_DIR", "HTTP_PORT", "HTTPS_PORT", "EMAIL", "PASSWORD"}
NOT_OURS |= {
    "RATE_LIMIT_REDIS_URL",
    "OIDC_ISSUER",
    "OIDC_NAME",
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
}
# A developer's own collector gets nothing of the tests.
NOT_OURS |= {name for name in os.environ if name.startswith("OTEL_")}
# What a make that runs the tests tells a make below it, which then talks differently.
NOT_OURS |= {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
# Nor what that one was told, such as which tests to run.
NOT_OURS |= {"ARGS", "METHOD", "URL", "ITEMS", "CHAPTER"}

# A provider of one's own that nobody asks: the stack then starts none, which saves a second.
NO_PROVIDER = {
    "OIDC_ISSUER": "http://127.0.0.1:9",
    "OIDC_CLIENT_ID": "roundtrip",
    "OIDC_CLIENT_SECRET": "nobody asks for it",
}

# Limits that nobody reaches.
NO_LIMITS = dict.fromkeys(
    (
        "RATE_LIMIT_SIGNUP",
        "RATE_LIMIT_LOGIN",
        "RATE_LIMIT_LOGIN_FAILURES",
        "RATE_LIMIT_PASSWORD",
        "RATE_LIMIT_DEFAULT",
    ),
    "1000000/minute",
)


class LocalStack:
    """One directory, two ports, and `python -m lab` with both."""

    def __init__(self, **settings: str) -> None:
        """Take free ports and an empty directory; start nothing."""
        # Not pytest's own: PostgreSQL's user has to reach it when root runs the tests.
        self.directory = Path(tempfile.mkdtemp(prefix="roundtrip-stack-"))
        self.directory.chmod(0o755)
        self.http_port, self.https_port = free_port(), free_port()
        self.environment: Mapping[str, str] = {
            **{name: value for name, value in os.environ.items() if name not in NOT_OURS},
            "LAB_DIR": str(self.directory),
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.https_port),
            **settings,
        }

    def spawn(self, *command: str, **settings: str) -> "subprocess.Popen[str]":
        """Begin a command in a session of its own, its output in a pipe."""
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
        """Run a command to its end."""
        process = self.spawn(*command, **settings)
        output = process.communicate(timeout=120)[0]
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def start(self) -> None:
        """Start it in the background."""
        result = self.run("start")
        assert result.returncode == 0, result.stdout

    def runs(self) -> bool:
        """Whether `status` would say so; without a process of its own to find it out."""
        return State.load(Paths(self.directory)) is not None

    def discard(self) -> None:
        """End it and delete all of it."""
        result = self.run("reset")
        assert result.returncode == 0, result.stdout
        shutil.rmtree(self.directory)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        https: bool = False,
    ) -> "Answer":
        """Send one request on a connection of its own."""
        connection = self._connection(https=https)
        sent = {"Content-Type": "application/json"} if body is not None else {}
        payload = None if body is None else json.dumps(body)
        try:
            connection.request(method, path, body=payload, headers={**sent, **(headers or {})})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    @contextmanager
    def listening(self) -> Iterator[http.client.HTTPResponse]:
        """Listen to the collector's events as the page does, by way of the load balancer."""
        connection = self._connection(https=False)
        try:
            connection.request("GET", "/lab/api/events")
            yield connection.getresponse()
        finally:
            connection.close()

    def _connection(self, *, https: bool) -> http.client.HTTPConnection:
        if https:
            return http.client.HTTPSConnection(
                "localhost", self.https_port, timeout=30, context=self.trust()
            )
        return http.client.HTTPConnection("localhost", self.http_port, timeout=30)

    def trust(self) -> ssl.SSLContext:
        """Trust nothing but the stack's own authority."""
        return ssl.create_default_context(cafile=str(self.directory / "ca.crt"))

    def identities(self) -> dict[str, Identity]:
        """Every process of the stack, the supervisor included, by the name of its directory."""
        noted = {
            record.parent.name: Identity.load(record)
            for record in self.directory.glob("*/process.json")
        }
        state = self.directory / "stack.json"
        if state.exists():
            noted["supervisor"] = Identity(**json.loads(state.read_text())["supervisor"])
        return {name: identity for name, identity in noted.items() if identity}

    def kill(self, name: str) -> Identity:
        """Kill one part the hard way, and see it dead."""
        identity = self.identities()[name]
        psutil.Process(identity.pid).kill()
        assert wait_until(lambda: identity.process() is None, timeout_s=10)
        return identity


class Answer:
    """A response that has been read to its end."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        """Read it."""
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    def json(self) -> Any:
        """Parse the body."""
        return json.loads(self.text)


def signup(email: str) -> dict[str, str]:
    """Return what the service accepts for a new user of that address."""
    return {"name": "Ahmed", "email": email, "password": "correct horse battery"}
