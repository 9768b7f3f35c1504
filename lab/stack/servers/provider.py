"""The OpenID Connect identity provider of the local stack. It has one user."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.install import PROVIDER
from lab.stack.config.paths import CHECKOUT
from lab.stack.config.ports import LOOPBACK
from lab.stack.config.secrets import load_or_create_password
from lab.stack.servers.apps import answers_ok
from lab.stack.servers.server import Server

NAME = "local"
CLIENT_ID = "roundtrip"
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Person:
    """A user of the provider."""

    user_name: str
    name: str
    email: str
    password: str


PERSON = Person("ines", "Ines", "ines@example.com", "correct horse battery")


class ProviderServer(Server):
    """Canaille on 127.0.0.1. It keeps its secrets in `directory`, and users in memory."""

    _working_directory = CHECKOUT

    def __init__(
        self, directory: Path, *, origins: tuple[str, ...], log: Path | None = None
    ) -> None:
        """`origins` are the service's origins. The provider redirects only to these origins."""
        super().__init__("provider", directory, log=log)
        self._origins = origins

    @property
    def issuer(self) -> str:
        """The issuer identifier, which is also the provider's URL."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def settings(self) -> Mapping[str, str]:
        """The service's settings for this provider."""
        return {
            "OIDC_NAME": NAME,
            "OIDC_ISSUER": self.issuer,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": load_or_create_password(self.directory / "client-secret"),
        }

    def ready(self) -> bool:
        """Return whether the provider serves its discovery document."""
        return answers_ok(f"{self.issuer}{DISCOVERY}")

    def _command(self) -> list[str]:
        callbacks = [f"{origin}/api/auth/oidc/{NAME}/callback" for origin in self._origins]
        return [sys.executable, "-m", "lab.provider", str(self.directory), str(self.port),
                *callbacks]  # fmt: skip

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, "PYTHONPATH": str(PROVIDER)}
