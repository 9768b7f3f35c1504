"""The choices that the stack reads from the environment, and the environment of the service."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from lab.stack.errors import LabError

HIGHEST_PORT = 65535


@dataclass(frozen=True)
class Choices:
    """Ports, and URLs of the caller's servers. If a URL is None, the stack runs its own server."""

    http_port: int
    https_port: int
    database_url: str | None
    redis_url: str | None
    oidc_issuer: str | None = None
    rate_limit_redis_url: str | None = None

    @property
    def limits_url(self) -> str | None:
        """The caller's server for rate limit counts: by default, the server of `REDIS_URL`."""
        return self.rate_limit_redis_url or self.redis_url

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins at which a browser on this machine reaches the service."""
        return tuple(
            f"{scheme}://{host}:{port}"
            for scheme, port in (("https", self.https_port), ("http", self.http_port))
            for host in ("localhost", "127.0.0.1", "[::1]")
        )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Read the ports, and the URLs of servers that the user provides.

        The ports are `HTTP_PORT` (by default 8080) and `HTTPS_PORT` (by default 8443). The URLs are
        `DATABASE_URL`, `REDIS_URL`, `RATE_LIMIT_REDIS_URL` and `OIDC_ISSUER`.

        :raises LabError: when a value is not a port, or both ports are the same.
        """
        http_port = _port(environment, "HTTP_PORT", 8080)
        https_port = _port(environment, "HTTPS_PORT", 8443)
        if http_port == https_port:
            raise LabError(
                f"HTTP_PORT and HTTPS_PORT are both {http_port}. Give two different ports:  "
                "HTTP_PORT=8080 HTTPS_PORT=8443 make start"
            )
        return cls(
            http_port=http_port,
            https_port=https_port,
            database_url=environment.get("DATABASE_URL") or None,
            redis_url=environment.get("REDIS_URL") or None,
            oidc_issuer=environment.get("OIDC_ISSUER") or None,
            rate_limit_redis_url=environment.get("RATE_LIMIT_REDIS_URL") or None,
        )


def service_environment(  # noqa: PLR0913 - all of them are keyword arguments.
    *,
    database_url: str,
    redis_url: str,
    token_signing_key: str,
    provider: Mapping[str, str] = MappingProxyType({}),
    mail: Mapping[str, str] = MappingProxyType({}),
    environment: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Add the settings of a local service to the caller's environment, and return the result.

    `database_url`, `redis_url` (also for rate limits) and the settings of the `provider` replace
    the caller's settings. The other settings have defaults, which the caller's settings replace. So
    do the settings of `mail`.
    For a setting with a default, an empty value counts as not set.
    """
    defaults = {
        "ENVIRONMENT": "local",
        "LOG_FORMAT": "console",
        "TOKEN_SIGNING_KEY": token_signing_key,
        "SERVER_TIMING": "on",
        "GRAPHQL_INTROSPECTION": "on",
        # Enough for requests that a person sends. A load test exceeds this limit, so most of the
        # test's requests are not traced.
        "TRACE_LIMIT": "100/10 seconds",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        # Twice the interval at which the load balancer checks whether a process is ready.
        "DRAIN_DELAY": "2",
        # Without this, Python buffers output to a file. The line of a request must appear at once.
        "PYTHONUNBUFFERED": "1",
        **mail,
    }
    if environment.get("PUBLIC_URL"):
        # The service derives the URL of its account pages from PUBLIC_URL.
        defaults.pop("ACCOUNT_PAGES_URL", None)
    given = {name: value for name, value in environment.items() if value or name not in defaults}
    own = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "RATE_LIMIT_REDIS_URL": redis_url,
        **provider,
    }
    return {**defaults, **given, **own}


def _port(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable) or str(default)
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= HIGHEST_PORT):
        message = (
            f"{variable}={text} is not a port. Give a number from 1 to {HIGHEST_PORT}:  "
            f"{variable}={default} make start"
        )
        raise LabError(message)
    return int(text)
