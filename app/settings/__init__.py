"""Every setting of the service: typed, frozen, read once from the environment.

The environment variable has the name of the setting in capitals: `RATE_LIMIT_LOGIN` sets
`rate_limit_login`. Secrets have no default. `.env.example` lists all variables.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import NonNegativeFloat, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings

from app.settings.cache import CacheSettings
from app.settings.database import DatabaseSettings
from app.settings.jobs import JobSettings
from app.settings.limits import LimitSettings
from app.settings.mail import MailSettings
from app.settings.origins import BrowserOrigins
from app.settings.providers import Provider
from app.settings.sessions import SessionSettings, TokenSettings
from app.settings.types import OneRateLimit, in_any_case, refuse_weak_password

__all__ = ["Provider", "Settings", "SettingsError", "TokenSettings", "load_settings"]

_Settings = TypeVar("_Settings", bound=BaseSettings)


class Settings(
    DatabaseSettings, CacheSettings, SessionSettings, LimitSettings, JobSettings, MailSettings
):
    """The service's settings. Times are in seconds, sizes in bytes."""

    # After SIGTERM, a process is unready for this time before it closes its sockets. In this time,
    # load balancers notice that they must send no more requests.
    drain_delay: NonNegativeFloat = 3.0
    # The origins whose pages may call the service from a browser, without cookies. By default,
    # there are no such origins.
    cors_origins: BrowserOrigins = ()

    # Whether each response shows the durations of its stages in Server-Timing, to every client.
    server_timing: Annotated[Literal["on", "off"], in_any_case] = "off"

    # Whether GraphQL clients can read the schema, and whether errors suggest names in the schema.
    graphql_introspection: Annotated[Literal["on", "off"], in_any_case] = "off"

    # The maximum rate of traced requests, per process. Requests above this rate have a log line,
    # but no spans.
    trace_limit: OneRateLimit | None = None

    log_format: Annotated[Literal["json", "console"], in_any_case] = "json"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], in_any_case] = "info"

    @model_validator(mode="after")
    def _deadlines_nest(self) -> "Settings":
        if self.database_statement_timeout >= self.request_timeout:
            raise PydanticCustomError(
                "deadline", "DATABASE_STATEMENT_TIMEOUT must be below REQUEST_TIMEOUT"
            )
        if self.providers and self.oidc_timeout >= self.request_timeout:
            raise PydanticCustomError("deadline", "OIDC_TIMEOUT must be below REQUEST_TIMEOUT")
        return self

    @model_validator(mode="after")
    def _no_example_passwords_in_production(self) -> "Settings":
        if self.environment == "production":
            refuse_weak_password("DATABASE_URL", self.database_url)
            if self.database_replica_url is not None:
                refuse_weak_password("DATABASE_REPLICA_URL", self.database_replica_url)
            refuse_weak_password("REDIS_URL", self.redis_url)
            if self.rate_limit_redis_url is not None:
                refuse_weak_password("RATE_LIMIT_REDIS_URL", self.rate_limit_redis_url)
        return self


class SettingsError(Exception):
    """Variables are missing or invalid. The message names each variable, with the reason."""


def load_settings(group: type[_Settings]) -> _Settings:
    """Read a group of settings from the environment. `Settings` is the group of all settings.

    Raises `SettingsError` with one line for each variable that is missing or invalid. The message
    never contains a value.
    """
    try:
        return group()
    except ValidationError as error:
        lines = [_message(details) for details in error.errors(include_input=False)]
        raise SettingsError("\n".join(lines)) from None


def _message(error: ErrorDetails) -> str:
    variable = "".join(str(part).upper() for part in error["loc"][:1])
    reason = "is missing; see .env.example" if error["type"] == "missing" else error["msg"]
    return f"{variable} {reason}".strip()
