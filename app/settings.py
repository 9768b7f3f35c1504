"""Every setting of the service: typed, frozen, read once from the environment.

A variable has the field's name in capitals: `rate_limit_login` is `RATE_LIMIT_LOGIN`.
Secrets have no default. `.env.example` lists them all.
"""

import base64
import binascii
import os
from typing import Annotated, Literal
from urllib.parse import parse_qs, urlsplit

from limits import parse_many
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_EXAMPLES = ("change-me", "changeme", "example")
_SHORTEST_PASSWORD = 12
_KEY_BYTES = 32
_FEWEST_DISTINCT_BYTES = 8
_LONGEST = 10 * 365 * 24 * 60 * 60


def _signing_key(value: SecretStr) -> SecretStr:
    secret = value.get_secret_value()
    advice = "make one with `openssl rand -base64 32`"
    if any(example in secret.lower() for example in _EXAMPLES):
        raise PydanticCustomError("secret", f"is the example value; {advice}")
    try:
        key = base64.b64decode(secret, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_BYTES:
        raise PydanticCustomError("secret", f"is not {_KEY_BYTES} bytes in Base64; {advice}")
    if len(set(key)) < _FEWEST_DISTINCT_BYTES:
        raise PydanticCustomError("secret", f"is an example, not random bytes; {advice}")
    return value


def _rate_limit(value: str) -> str:
    try:
        parse_many(value)
    except ValueError:
        raise PydanticCustomError(
            "rate_limit", "is no rate limit; write it like `10/minute` or `5/second;100/hour`"
        ) from None
    return value


def _address(schemes: set[str], example: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value())
            # A slash or an @ in a password that is not written as %2F or %40 ends up here.
            broken = "@" in parts.path or "@" in parts.query or parts.port == 0
        except ValueError:
            broken = True
        if broken or parts.scheme not in schemes:
            advice = f"write it like `{example}`, special characters in the password as %2F"
            raise PydanticCustomError("url", f"is not an address of this kind; {advice}")
        return value

    return AfterValidator(check)


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


RateLimit = Annotated[str, AfterValidator(_rate_limit)]


class Settings(BaseSettings):
    """The service's settings. Times are seconds, sizes are bytes."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )

    environment: Literal["production", "local"] = "production"

    database_url: Annotated[
        SecretStr,
        _address(
            {"postgresql", "postgres", "postgresql+psycopg"},
            "postgresql://user:password@host/name",
        ),
    ]
    database_pool_size: PositiveInt = 10
    # A request that finds no free connection in this time gets 503.
    database_pool_timeout: PositiveFloat = 2.0
    # What Postgres itself gives up on; below the request's deadline, so that the
    # connection is usable again by the time the client has its 503.
    database_statement_timeout: PositiveFloat = 5.0

    redis_url: Annotated[SecretStr, _address({"redis", "rediss"}, "redis://:password@host:6379/0")]
    # Deployments that share one Redis keep apart by this prefix.
    redis_key_prefix: str = "roundtrip"
    # The whole time that one question to Redis may take, retries included.
    redis_timeout: PositiveFloat = 0.15
    redis_breaker_failures: PositiveInt = 3
    redis_breaker_recovery: PositiveInt = 2

    # The private key of the access tokens' signature: an Ed25519 seed in Base64.
    token_signing_key: Annotated[SecretStr, AfterValidator(_signing_key)]
    token_issuer: str = "roundtrip"
    token_audience: str = "roundtrip"
    token_lifetime: Annotated[int, Field(gt=0, le=_LONGEST)] = 15 * 60
    session_lifetime: Annotated[int, Field(gt=0, le=_LONGEST)] = 30 * 24 * 60 * 60

    # Each thread keeps one core busy and holds 19 MiB while it hashes.
    password_threads: PositiveInt = Field(default_factory=lambda: os.cpu_count() or 1)
    # Hashes running or waiting, per process; one more gets 503.
    password_queue: PositiveInt = 100

    # slowapi's notation; several limits are separated by semicolons.
    rate_limit_signup: RateLimit = "10/minute"
    rate_limit_login: RateLimit = "10/minute"
    rate_limit_password: RateLimit = "5/minute"
    rate_limit_default: RateLimit = "600/minute"

    # How often what has expired is deleted from the tables.
    sweep_interval: PositiveFloat = 600.0

    request_timeout: PositiveFloat = 10.0
    max_body_size: PositiveInt = 64 * 1024
    # How long a process that was told to end says so before it closes its sockets: time for
    # load balancers to notice.
    drain_delay: NonNegativeFloat = 3.0
    # Host headers that are served; `*` serves every one.
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)] = ("*",)

    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @model_validator(mode="after")
    def _deadlines_nest(self) -> "Settings":
        if self.database_statement_timeout >= self.request_timeout:
            raise PydanticCustomError(
                "deadline", "DATABASE_STATEMENT_TIMEOUT must be below REQUEST_TIMEOUT"
            )
        return self

    @model_validator(mode="after")
    def _no_example_passwords_in_production(self) -> "Settings":
        if self.environment == "production":
            _refuse_weak_password("DATABASE_URL", self.database_url)
            _refuse_weak_password("REDIS_URL", self.redis_url)
        return self


def _refuse_weak_password(variable: str, url: SecretStr) -> None:
    # No password at all is allowed: a certificate or the network may stand in for it.
    parts = urlsplit(url.get_secret_value())
    in_query = parse_qs(parts.query, keep_blank_values=True).get("password", [])
    for password in in_query if parts.password is None else [*in_query, parts.password]:
        if any(example in password.lower() for example in _EXAMPLES):
            complaint = f"{variable} has the example password; choose your own"
            raise PydanticCustomError("secret", complaint)
        if len(password) < _SHORTEST_PASSWORD:
            complaint = f"{variable} has a password of fewer than {_SHORTEST_PASSWORD} characters"
            raise PydanticCustomError("secret", complaint)


class SettingsError(Exception):
    """The environment does not make a whole set of settings; says which variable and why."""


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises `SettingsError` with one line for each variable that is missing or wrong;
    the values themselves are never in it.
    """
    try:
        return Settings()
    except ValidationError as error:
        lines = [_complaint(details) for details in error.errors(include_input=False)]
        raise SettingsError("\n".join(lines)) from None


def _complaint(error: ErrorDetails) -> str:
    variable = "".join(str(part).upper() for part in error["loc"][:1])
    reason = "is missing; see .env.example" if error["type"] == "missing" else error["msg"]
    return f"{variable} {reason}".strip()
