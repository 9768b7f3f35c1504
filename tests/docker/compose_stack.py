"""A stack of containers for tests, from a fresh copy of the checkout."""

import json
import os
import secrets
import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from lab.stack.config.ports import free_port
from tests.checkout import copy_files

# The maximum duration of one command.
COMMAND_TIMEOUT_SECONDS = 300.0
# Each stack needs its own number, because Docker refuses networks that overlap. The first number of
# a test run is random, because an earlier run that was killed may have left its networks.
_NETWORK_NUMBERS = count(secrets.randbelow(256))

Result = subprocess.CompletedProcess[str]


class ComposeStack:
    """A stack of containers with its own directory, project name, ports and network."""

    def __init__(self, directory: Path) -> None:
        """Copy the checkout into an empty directory. Start nothing."""
        self.directory = directory
        copy_files(directory)
        self.project = f"roundtrip-test-{secrets.token_hex(4)}"
        self.image = f"roundtrip:{self.project}"
        self.http_port, self.https_port = free_port(), free_port()
        self.jaeger_port, self.mail_port = free_port(), free_port()
        inherited = {
            name: value
            for name, value in os.environ.items()
            if name in {"PATH", "HOME", "LANG"} or name.startswith("DOCKER_")
        }
        # A developer's settings and running stack must have no effect on the tests.
        self.environment: Mapping[str, str] = {
            **inherited,
            "COMPOSE_PROJECT_NAME": self.project,
            "VERSION": self.project,
            "FRONT_NETWORK": f"10.187.{next(_NETWORK_NUMBERS) % 256}",
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.https_port),
            "JAEGER_PORT": str(self.jaeger_port),
            "MAIL_PORT": str(self.mail_port),
        }
        self.client = httpx2.Client(base_url=f"http://localhost:{self.http_port}", timeout=30)

    def make_secrets(self, **settings: str) -> None:
        """Add settings to `.env`, and run `make secrets`."""
        if settings:
            with (self.directory / ".env").open("a") as env:
                env.writelines(f"{name}={value}\n" for name, value in settings.items())
        self._run("make", "secrets").check_returncode()

    def compose(self, *arguments: str) -> Result:
        """Run `docker compose`, which may fail."""
        return self._run("docker", "compose", *arguments)

    def succeed(self, *arguments: str) -> str:
        """Run `docker compose`, which must succeed, and return its output."""
        result = self.compose(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def docker(self, *arguments: str) -> str:
        """Run `docker`, which must succeed, and return its output."""
        result = self._run("docker", *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def container(self, service: str) -> str:
        """Return the id of a service's container."""
        return self.succeed("ps", "--all", "--quiet", service).strip()

    def inspect(self, service: str) -> Any:
        """Return the output of `docker inspect` for a service's container."""
        return json.loads(self.docker("inspect", self.container(service)))[0]

    def inside(self, service: str, *command: str) -> str:
        """Run a command, which must succeed, in a service's container. Return its output."""
        return self.succeed("exec", "--no-TTY", service, *command)

    def run_sql(self, statement: str) -> str:
        """Run a statement as the superuser, and return the output of psql."""
        psql = ("psql", "-U", "postgres", "roundtrip", "-Atc", statement)
        return self.inside("postgres", *psql).strip()

    def ready(self) -> bool:
        """Return whether the service is reachable and ready, with PostgreSQL and Redis."""
        try:
            return bool(self.client.get("/readyz").json().get("status") == "ready")
        except (httpx2.HTTPError, ValueError):
            return False

    def messages_to(self, address: str) -> list[str]:
        """Return the texts of the messages to an address that are in the stack's mailbox."""
        mailbox = f"http://localhost:{self.mail_port}/api/v1"
        found = self.client.get(f"{mailbox}/search", params={"query": f'to:"{address}"'}).json()
        return [
            self.client.get(f"{mailbox}/message/{it['ID']}").json()["Text"]
            for it in found["messages"]
        ]

    def resources(self) -> dict[str, list[str]]:
        """Return the containers, volumes and networks of this project."""
        label = f"label=com.docker.compose.project={self.project}"
        return {
            kind: self.docker(kind, "ls", *options, "--quiet", "--filter", label).split()
            for kind, options in (("container", ["--all"]), ("volume", []), ("network", []))
        }

    def discard(self) -> None:
        """Stop the stack, and delete its containers, data and image."""
        self.client.close()
        # `docker compose down` needs the secrets, which a test may have removed.
        passwords = ("DATABASE", "MIGRATOR", "REDIS", "RATE_LIMIT_REDIS")
        for name in (*(f"{it}_PASSWORD" for it in passwords), "TOKEN_SIGNING_KEY"):
            self.environment = {**self.environment, name: "any"}
        self.succeed("--profile", "*", "down", "--volumes", "--timeout", "1")
        self._run("docker", "image", "rm", self.image)

    def _run(self, *command: str) -> Result:
        return subprocess.run(
            command,
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
