"""Every setting of the service: typed, frozen, read once from the environment.

The variable of a setting has its name in capitals: `rate_limit_login` is `RATE_LIMIT_LOGIN`.
Secrets have no default. `.env.example` lists all variables.
"""

import os
import re
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings

from app.settings.kinds import (
    EnvironmentSettings,
    Names,
    OneRateLimit,
    RateLimit,
    SigningKeys,
    address,
    in_any_case,
    refuse_weak_password,
)
from app.settings.mail import MailSettings
from app.settings.origins import BrowserOrigins
from app.settings.providers import Provider

__all__ = ["Provider", "Settings", "SettingsError", "TokenSettings", "load_settings"]

DATABASE_SCHEMES = {"postgresql", "postgres", "postgresql+psycopg"}
DatabaseAddress = Annotated[
    SecretStr,
    address(
        DATABASE_SCHEMES, "postgresql://user:password@host/name", several_hosts=DATABASE_SCHEMES
    ),
]
REDIS_SENTINEL_SCHEMES = {"redis+sentinel", "rediss+sentinel"}
"""The schemes of a URL that names sentinels instead of a server; see docs/scaling.md."""
# The path is `/name` or `/name/database`. In `/0`, the name is missing: 0 is the database.
_PRIMARY = re.compile(r"/(?!\d+$)[^/]+(/\d+)?")


def _require_name_of_primary(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme in REDIS_SENTINEL_SCHEMES and not _PRIMARY.fullmatch(parts.path):
        example = "redis+sentinel://:password@host-1:26379,host-2:26379/name-of-primary/0"
        raise PydanticCustomError("url", f"does not name the primary; write it like `{example}`")
    return url


RedisAddress = Annotated[
    SecretStr,
    address(
        {"redis", "rediss", *REDIS_SENTINEL_SCHEMES},
        "redis://:password@host:6379/0",
        several_hosts=REDIS_SENTINEL_SCHEMES,
    ),
    AfterValidator(_require_name_of_primary),
]
_MAX_SECONDS = 10 * 365 * 24 * 60 * 60
_Settings = TypeVar("_Settings", bound=BaseSettings)


class TokenSettings(EnvironmentSettings):
    """The settings of access tokens. The lifetime of a token is in seconds."""

    # The private key that signs access tokens: an Ed25519 seed in Base64. During a rotation, the
    # value also contains the next key; see `python -m app rotate-key`.
    token_signing_key: SigningKeys
    token_issuer: str = "roundtrip"
    token_audience: str = "roundtrip"
    token_lifetime: Annotated[int, Field(gt=0, le=_MAX_SECONDS)] = 15 * 60


class Settings(TokenSettings, MailSettings):
    """The service's settings. Times are in seconds, sizes in bytes."""

    environment: Annotated[Literal["production", "local"], in_any_case] = "production"

    database_url: DatabaseAddress
    # A read replica. The service reads data from the replica if they are not in the cache and have
    # not changed for some seconds.
    database_replica_url: DatabaseAddress | None = None
    # With `transaction`, DATABASE_URL is the address of a pooler in transaction mode, such as
    # PgBouncer. The database role must then have the timeouts, see docs/scaling.md.
    database_pooler: Annotated[Literal["none", "transaction"], in_any_case] = "none"
    database_pool_size: PositiveInt = 10
    # A request that gets no connection in this time gets 503. By default, this timeout plus the
    # timeout of a statement is REQUEST_TIMEOUT.
    database_pool_timeout: PositiveFloat = 5.0
    # PostgreSQL cancels a statement after this time. The time must be below REQUEST_TIMEOUT. Then
    # the connection is usable again when the client gets its 503.
    database_statement_timeout: PositiveFloat = 5.0

    redis_url: RedisAddress
    # The Redis server that counts requests and failed logins; by default the server of REDIS_URL.
    # With a separate server that has `maxmemory-policy noeviction`, cached reads cannot displace
    # counts.
    rate_limit_redis_url: RedisAddress | None = None
    # Deployments that share one Redis need different prefixes.
    redis_key_prefix: str = "roundtrip"
    # The maximum time of one batch of commands to Redis.
    redis_timeout: PositiveFloat = 0.15
    redis_breaker_failures: PositiveInt = 3
    redis_breaker_recovery: PositiveInt = 2
    # Whether reads are cached in Redis and in the process. Before each use of its cached read, the
    # process asks Redis whether the read is current.
    cache: Annotated[Literal["on", "off"], in_any_case] = "on"
    # How long a read stays in Redis if no write changes its data. A process that got the read from
    # Redis may keep the response for the same time again.
    cache_lifetime: PositiveInt = 60

    # A session ends when it is SESSION_LIFETIME old, or has not been used for
    # SESSION_IDLE_LIFETIME.
    session_lifetime: Annotated[int, Field(gt=0, le=_MAX_SECONDS)] = 30 * 24 * 60 * 60
    session_idle_lifetime: Annotated[int, Field(gt=0, le=_MAX_SECONDS)] = 7 * 24 * 60 * 60

    # The threads that hash passwords. Each thread occupies one core and 19 MiB while it hashes.
    password_threads: PositiveInt = Field(default_factory=lambda: os.cpu_count() or 1)
    # The maximum number of hashes that run or wait, per process. A request that needs one more hash
    # gets 503.
    password_queue: PositiveInt = 100

    # Rate limits, such as "100/10 seconds". Several limits are separated by semicolons.
    rate_limit_signup: RateLimit = "10/minute"
    rate_limit_login: RateLimit = "10/minute"
    # Failed logins in a row for one account, from all IP addresses.
    rate_limit_login_failures: RateLimit = "20/15minutes"
    rate_limit_password: RateLimit = "5/minute"
    # Messages to one email address, and messages that one account or one client has requested.
    rate_limit_mail: RateLimit = "10/10minutes"
    rate_limit_default: RateLimit = "1200/minute"

    # When a worker deletes expired rows, in cron's notation.
    sweep_schedule: str = "*/10 * * * *"
    # A worker tries a failed job again after a pause: at first at most a second, then doubled up to
    # JOB_MAX_PAUSE. After JOB_MAX_ATTEMPTS, the job waits for an operator.
    job_max_attempts: PositiveInt = 100
    job_max_pause: PositiveFloat = 900.0
    # The number of jobs that a worker runs at the same time. A worker sends only one message at a
    # time, so more workers are necessary to send faster.
    job_concurrency: PositiveInt = 4

    request_timeout: PositiveFloat = 10.0
    max_body_size: PositiveInt = 64 * 1024
    # After SIGTERM, a process is unready for this time before it closes its sockets. In this time,
    # load balancers notice that they must send no more requests.
    drain_delay: NonNegativeFloat = 3.0
    # The Host headers that are accepted; `*` accepts every Host header.
    allowed_hosts: Names = ("*",)
    # The origins whose pages may call the service from a browser, without cookies. By default,
    # there are no such origins.
    cors_origins: BrowserOrigins = ()

    # Whether each response shows the durations of its stages in Server-Timing, to every client.
    server_timing: Annotated[Literal["on", "off"], in_any_case] = "off"

    # Whether GraphQL clients can read the schema, and errors suggest names of the schema.
    graphql_introspection: Annotated[Literal["on", "off"], in_any_case] = "off"

    # The maximum rate of traced requests, per process. Requests above it have a log line, but no
    # spans.
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
    def _providers_are_safe(self) -> "Settings":
        self.refuse_unsafe_providers(
            local=self.environment == "local", any_host="*" in self.allowed_hosts
        )
        return self

    @model_validator(mode="after")
    def _mail_is_complete(self) -> "Settings":
        self.refuse_incomplete_mail(local=self.environment == "local")
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


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises `SettingsError` with one line for each variable that is missing or invalid. The message
    never contains a value.
    """
    return _load(Settings)


def load_token_settings() -> TokenSettings:
    """Read only the settings of access tokens. Raises `SettingsError`, see `load_settings`."""
    return _load(TokenSettings)


def _load(settings: type[_Settings]) -> _Settings:
    try:
        return settings()
    except ValidationError as error:
        lines = [_message(details) for details in error.errors(include_input=False)]
        raise SettingsError("\n".join(lines)) from None


def _message(error: ErrorDetails) -> str:
    variable = "".join(str(part).upper() for part in error["loc"][:1])
    reason = "is missing; see .env.example" if error["type"] == "missing" else error["msg"]
    return f"{variable} {reason}".strip()
