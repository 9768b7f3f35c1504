"""The identity provider of the local stack, at which one person can sign in."""

import http.client
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.stack.apps import answers_ok
from lab.stack.paths import CHECKOUT
from lab.stack.ports import LOOPBACK
from lab.stack.secrets import kept_password
from lab.stack.servers import Server

NAME = "local"
CLIENT_ID = "roundtrip"
DISCOVERY = "/.well-known/openid-configuration"


@dataclass(frozen=True)
class Person:
    """Somebody whom the provider knows."""

    user_name: str
    name: str
    email: str
    password: str


PERSON = Person("ines", "Ines", "ines@example.com", "correct horse battery")


class ProviderServer(Server):
    """Canaille on 127.0.0.1; it keeps its secrets in `directory`, and people in memory."""

    def __init__(
        self, directory: Path, *, origins: tuple[str, ...], log: Path | None = None
    ) -> None:
        """`origins` are those of the service: nobody is sent anywhere else with a code."""
        super().__init__("provider", directory, log=log)
        self._origins = origins

    @property
    def issuer(self) -> str:
        """Its name and its address in one."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def settings(self) -> Mapping[str, str]:
        """What the service needs to know."""
        return {
            "OIDC_NAME": NAME,
            "OIDC_ISSUER": self.issuer,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": kept_password(self.directory / "client-secret"),
        }

    def ready(self) -> bool:
        """Whether it tells about itself."""
        return answers_ok(http.client.HTTPConnection(LOOPBACK, self.port, timeout=1), DISCOVERY)

    def _command(self) -> list[str]:
        callbacks = [f"{origin}/api/auth/oidc/{NAME}/callback" for origin in self._origins]
        return [sys.executable, "-m", "lab.provider", str(self.directory), str(self.port),
                *callbacks]  # fmt: skip

    @property
    def _working_directory(self) -> Path:
        return CHECKOUT
