"""The settings of identity providers."""

import ipaddress
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from app.settings.origins import OriginSettings, WebAddress, is_loopback
from app.settings.types import Names, Networks, is_example

_GOOGLE = "https://accounts.google.com"
_GOOGLE_HOSTS = ("accounts.google.com", "oauth2.googleapis.com", "www.googleapis.com")


@dataclass(frozen=True)
class Provider:
    """An identity provider with which users can sign in, and the service's client credentials."""

    name: str
    issuer: str
    client_id: str
    client_secret: SecretStr
    hosts: frozenset[str]
    """The service sends requests about this provider to these hosts only."""
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    """The networks that these hosts may be in, in addition to the public internet."""


class ProviderSettings(OriginSettings):
    """The settings of Google (two variables) and of another provider (three variables).

    Set all variables of a provider or none.
    """

    google_client_id: str | None = None
    google_client_secret: SecretStr | None = None
    oidc_issuer: WebAddress | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    # The name in the paths: /api/auth/oidc/{name}/login.
    oidc_name: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,31}$")] = "oidc"
    # Hosts of the provider's endpoints, in addition to the issuer's host.
    oidc_hosts: Names = ()
    # Networks of the provider, if it is not on the public internet.
    oidc_private_networks: Networks = ()
    # The maximum time that one sign-in waits for the provider.
    oidc_timeout: PositiveFloat = 5.0

    @property
    def providers(self) -> tuple[Provider, ...]:
        """All configured providers."""
        return tuple(filter(None, (self._google(), self._other())))

    def _google(self) -> Provider | None:
        if self.google_client_id is None or self.google_client_secret is None:
            return None
        return Provider(
            "google",
            _GOOGLE,
            self.google_client_id,
            self.google_client_secret,
            frozenset(_GOOGLE_HOSTS),
        )

    def _other(self) -> Provider | None:
        issuer, client_id, secret = self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret
        if issuer is None or client_id is None or secret is None:
            return None
        hosts = frozenset((urlsplit(issuer).hostname or "", *self.oidc_hosts))
        networks = self.oidc_private_networks
        return Provider(self.oidc_name, issuer, client_id, secret, hosts, networks)

    @model_validator(mode="after")
    def _providers_are_complete(self) -> "ProviderSettings":
        self._require_all_or_none("google_client_id", "google_client_secret")
        self._require_all_or_none("oidc_issuer", "oidc_client_id", "oidc_client_secret")
        if self._google() and self._other() and self.oidc_name == "google":
            raise PydanticCustomError("oidc", "OIDC_NAME is taken by Google; choose another")
        return self

    def _require_all_or_none(self, *names: str) -> None:
        values = [getattr(self, name) for name in names]
        if any(values) and not all(values):
            *first, last = map(str.upper, names)
            message = f"{', '.join(first)} and {last} belong together: set all of them or none"
            raise PydanticCustomError("oidc", message)

    @model_validator(mode="after")
    def _providers_are_safe(self) -> "ProviderSettings":
        # Some settings are allowed on a developer's machine only.
        local = self.environment == "local"
        for variable, url in (("OIDC_ISSUER", self.oidc_issuer), ("PUBLIC_URL", self.public_url)):
            if url and not url.startswith("https:") and not (local and _is_on_loopback(url)):
                raise PydanticCustomError("url", f"{variable} must begin with https://")
        if local or not self.providers:
            return self
        if "*" in self.allowed_hosts and self.public_url is None:
            # Otherwise, the Host header of a request would decide where a provider redirects users
            # with their authorization codes.
            message = "PUBLIC_URL is missing: providers redirect users to it; see .env.example"
            raise PydanticCustomError("url", message)
        for variable in ("google_client_secret", "oidc_client_secret"):
            secret: SecretStr | None = getattr(self, variable)
            if secret and is_example(secret.get_secret_value()):
                raise PydanticCustomError("secret", f"{variable.upper()} is the example value")
        return self


def _is_on_loopback(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")
