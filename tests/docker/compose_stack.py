"""A stack of containers of the tests' own, from a fresh copy of the checkout."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import httpx2

from lab.stack.ports import free_port
from tests.service import CHECKOUT

# What `git clone` would bring, as far as Docker needs it.
NEEDED = ("Dockerfile", ".dockerignore", "docker-compose.yml", "alembic.ini", "Makefile")
NEEDED_DIRECTORIES = ("app", "deploy", "migrations", "requirements")
# A test that is told to wait for longer than this has failed.
PATIENCE_S = 300.0
# Stacks of one run exist at the same time, and Docker refuses networks that overlap. Those of
# another run, which may have been killed, hardly begin with the same number.
_NETWORKS = count(secrets.randbelow(256))

Result = subprocess.CompletedProcess[str]


class ComposeStack:
    """One directory, a project name, ports and a network, and `docker compose` with all of them."""

    def __init__(self, directory: Path) -> None:
        """Copy what Docker needs into a directory that is empty; start nothing."""
        self.directory = directory
        for name in NEEDED:
            shutil.copy(CHECKOUT / name, directory)
        for name in NEEDED_DIRECTORIES:
            shutil.copytree(CHECKOUT / name, directory / name)
        self.project = f"roundtrip-test-{secrets.token_hex(4)}"
        self.image = f"roundtrip:{self.project}"
        self.http_port, self.https_port, self.jaeger_port = free_port(), free_port(), free_port()
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in {"PATH", "HOME", "LANG"} or name.startswith("DOCKER_")
        }
        # Nothing of a developer's own: neither their settings nor their running stack.
        self.environment: Mapping[str, str] = {
            **kept,
            "COMPOSE_PROJECT_NAME": self.project,
            "VERSION": self.project,
            "FRONT_NETWORK": f"10.187.{next(_NETWORKS) % 256}",
            "HTTP_PORT": str(self.http_port),
            "HTTPS_PORT": str(self.https_port),
            "JAEGER_PORT": str(self.jaeger_port),
        }
        self.client = httpx2.Client(base_url=f"http://localhost:{self.http_port}", timeout=30)

    def make_secrets(self, **settings: str) -> None:
        """Write `.env` as a person does, and add settings to it."""
        if settings:
            with (self.directory / ".env").open("a") as env:
                env.writelines(f"{name}={value}\n" for name, value in settings.items())
        self._run("make", "secrets").check_returncode()

    def compose(self, *arguments: str, **environment: str) -> Result:
        """Run `docker compose` to its end, whatever that is."""
        return self._run("docker", "compose", *arguments, **environment)

    def succeed(self, *arguments: str, **environment: str) -> str:
        """Run `docker compose` and return what it printed; it has to succeed."""
        result = self.compose(*arguments, **environment)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def docker(self, *arguments: str) -> str:
        """Run `docker` and return what it printed; it has to succeed."""
        result = self._run("docker", *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def container(self, service: str) -> str:
        """Return the id of a service's container."""
        return self.succeed("ps", "--all", "--quiet", service).strip()

    def inspect(self, service: str) -> Any:
        """Return what Docker knows of a service's container."""
        return json.loads(self.docker("inspect", self.container(service)))[0]

    def inside(self, service: str, *command: str) -> str:
        """Run a command in a service's container; it has to succeed."""
        return self.succeed("exec", "--no-TTY", service, *command)

    def ready(self) -> bool:
        """Whether a request gets through, and finds both servers."""
        try:
            return bool(self.client.get("/readyz").json().get("status") == "ready")
        except (httpx2.HTTPError, ValueError):
            return False

    def left_behind(self) -> dict[str, list[str]]:
        """List what there is of this project: containers, volumes, networks."""
        label = f"label=com.docker.compose.project={self.project}"
        return {
            kind: self.docker(kind, "ls", *options, "--quiet", "--filter", label).split()
            for kind, options in (("container", ["--all"]), ("volume", []), ("network", []))
        }

    def discard(self) -> None:
        """End it and delete all of it, its image too."""
        self.client.close()
        # Without its secrets it cannot even be ended, and a test may have taken them away.
        secrets = ("DATABASE_PASSWORD", "REDIS_PASSWORD", "RATE_LIMIT_REDIS_PASSWORD")
        for name in (*secrets, "TOKEN_SIGNING_KEY"):
            self.environment = {**self.environment, name: "any"}
        self.succeed("--profile", "*", "down", "--volumes", "--timeout", "1")
        self._run("docker", "image", "rm", self.image)

    def _run(self, *command: str, **environment: str) -> Result:
        return subprocess.run(
            command,
            cwd=self.directory,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
