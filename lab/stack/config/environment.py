"""The choices that the stack reads from the environment, and the environment of the service."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from lab.stack.errors import LabError

HIGHEST_PORT = 65535
MAX_PROCESSES = 8
"""The maximum of `APP_PROCESSES` and of `WORKER_PROCESSES`."""


@dataclass(frozen=True)
class Choices:
    """Ports, URLs of the caller's servers, and how many processes the service has.

    If a URL is None, the stack runs its own server.
    """

    http_port: int
    https_port: int
    database_url: str | None
    redis_url: str | None
    oidc_issuer: str | None = None
    rate_limit_redis_url: str | None = None
    migration_database_url: str | None = None
    """The caller's URL for the owner of the tables. None: the owner also uses `database_url`."""
    app_processes: int = 2
    worker_processes: int = 1

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
        """Read the choices. An empty variable counts as not set.

        :raises LabError: when a number is out of range, or both ports are the same.
        """
        ports, processes = range(1, HIGHEST_PORT + 1), range(1, MAX_PROCESSES + 1)
        http_port = number(environment, "HTTP_PORT", 8080, ports, "start")
        https_port = number(environment, "HTTPS_PORT", 8443, ports, "start")
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
            migration_database_url=environment.get("MIGRATION_DATABASE_URL") or None,
            app_processes=number(environment, "APP_PROCESSES", 2, processes, "start"),
            worker_processes=number(environment, "WORKER_PROCESSES", 1, processes, "start"),
        )

    @classmethod
    def largest(cls) -> Self:
        """Return the choices with the most processes, to find every process of a killed stack."""
        return cls.from_environment(
            {"APP_PROCESSES": str(MAX_PROCESSES), "WORKER_PROCESSES": str(MAX_PROCESSES)}
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
    """Return the caller's environment with the settings of a local service.

    The two URLs and the `provider` replace the caller's settings. All other settings, also `mail`,
    are defaults: they apply if the caller's value is missing or empty.
    """
    defaults = {
        "ENVIRONMENT": "local",
        "LOG_FORMAT": "console",
        "TOKEN_SIGNING_KEY": token_signing_key,
        "SERVER_TIMING": "on",
        "GRAPHQL_INTROSPECTION": "on",
        # Enough for requests that a person sends. Most requests of a load test exceed this limit
        # and are not traced.
        "TRACE_LIMIT": "100/10 seconds",
        "ALLOWED_HOSTS": "localhost,127.0.0.1,[::1]",
        # Twice the interval at which the load balancer checks whether a process is ready.
        "DRAIN_DELAY": "2",
        # Without this, Python buffers output to a file, and log lines appear late.
        "PYTHONUNBUFFERED": "1",
        **mail,
    }
    if environment.get("PUBLIC_URL"):
        # Without ACCOUNT_PAGES_URL, the service derives the address of these pages from PUBLIC_URL.
        defaults.pop("ACCOUNT_PAGES_URL", None)
    given = {name: value for name, value in environment.items() if value or name not in defaults}
    given.pop("MIGRATION_DATABASE_URL", None)
    own = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "RATE_LIMIT_REDIS_URL": redis_url,
        **provider,
    }
    return {**defaults, **given, **own}


def number(
    environment: Mapping[str, str], variable: str, default: int, allowed: range, target: str
) -> int:
    """Return the number in a variable, or the default if the variable is missing or empty.

    :raises LabError: when the value is not an allowed number. The message shows how to set the
        variable for the make target.
    """
    text = environment.get(variable) or str(default)
    # The length is checked first, because int() refuses a text of thousands of digits.
    is_number = text.isascii() and text.isdigit() and len(text.lstrip("0")) <= len(str(allowed[-1]))
    if not (is_number and int(text) in allowed):
        raise LabError(
            f"{variable}={text} is not a number from {allowed[0]} to {allowed[-1]}. Give one:  "
            f"{variable}={default} make {target}"
        )
    return int(text)
