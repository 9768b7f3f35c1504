"""Types of settings other than numbers and words: keys, rate limits, URLs and lists."""

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import SplitResult, parse_qs, urlsplit

from limits import parse_many
from pydantic import AfterValidator, BeforeValidator, IPvAnyNetwork, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_PLACEHOLDERS = ("change-me", "changeme", "example")
_MIN_CHARACTERS = 12
_KEY_BYTES = 32
_MIN_DISTINCT_BYTES = 8
_ALWAYS = datetime.min.replace(tzinfo=UTC)


class EnvironmentSettings(BaseSettings):
    """The base class of all settings. Settings are frozen. Error messages never show values."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 seed, and the time from which it signs tokens. `repr` does not show the seed."""

    seed: bytes = field(repr=False)
    signs_from: datetime = _ALWAYS

    def to_setting(self) -> str:
        """Return the key as written in the setting. This text is the secret itself."""
        seed = base64.b64encode(self.seed).decode()
        if self.signs_from == _ALWAYS:
            return seed
        return f"{seed}@{self.signs_from:%Y-%m-%dT%H:%M:%SZ}"


def signing_keys(value: object) -> tuple[SigningKey, ...]:
    """Parse `seed` or, during a rotation, `seed,seed@2026-11-22T15:30:00Z`.

    Raises `ValueError` with a message that does not quote the value.
    """
    first, *others = (_signing_key(part.strip()) for part in str(value).split(","))
    if first.signs_from != _ALWAYS or any(
        later.signs_from <= earlier.signs_from
        for earlier, later in zip([first, *others], others, strict=False)
    ):
        raise PydanticCustomError(
            "secret", "needs a first key without a time, and each key after it a later time"
        )
    if len({key.seed for key in (first, *others)}) <= len(others):
        raise PydanticCustomError(
            "secret", "has the same key twice; `python -m app rotate-key` adds a new one"
        )
    return (first, *others)


def _signing_key(text: str) -> SigningKey:
    seed, _, signs_from = text.partition("@")
    if not signs_from:
        return SigningKey(_seed(seed))
    try:
        moment = datetime.fromisoformat(signs_from)
        in_utc = moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        in_utc = None
    if in_utc is None:
        raise PydanticCustomError(
            "secret", "has a time that cannot be read; write it like 2026-11-22T15:30:00Z"
        )
    return SigningKey(_seed(seed), in_utc)


def is_example(secret: str) -> bool:
    """Return whether a secret contains a placeholder that documentation uses."""
    return any(example in secret.lower() for example in _PLACEHOLDERS)


def _seed(text: str) -> bytes:
    advice = "make one with `openssl rand -base64 32`"
    if is_example(text):
        raise PydanticCustomError("secret", f"is the example value; {advice}")
    try:
        seed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != _KEY_BYTES:
        raise PydanticCustomError("secret", f"is not {_KEY_BYTES} bytes in Base64; {advice}")
    if len(set(seed)) < _MIN_DISTINCT_BYTES:
        raise PydanticCustomError("secret", f"is an example, not random bytes; {advice}")
    return seed


def _rate_limit(value: str) -> str:
    try:
        parse_many(value)
    except ValueError:
        raise PydanticCustomError(
            "rate_limit", "is not a rate limit; write it like `10/minute` or `5/second;100/hour`"
        ) from None
    return value


def _one_rate_limit(value: str) -> str:
    if len(parse_many(_rate_limit(value))) > 1:
        raise PydanticCustomError("rate_limit", "must be one limit; write it like `100/10 seconds`")
    return value


def address(
    schemes: set[str], example: str, *, several_hosts: Collection[str] = ()
) -> AfterValidator:
    """Return a validator of a URL's scheme, and of the percent-encoding of its password.

    A URL with a scheme in `several_hosts` may have several hosts, separated by commas.
    """

    def check(value: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(value.get_secret_value())
            # A password must percent-encode `/`, `?` and `#`. Otherwise `urlsplit` ends the host
            # there, and the @ after the password is in the path, the query or the fragment.
            rest = parts.path + parts.query + parts.fragment
            netloc = parts.netloc.rpartition("@")[2]
            hosts = netloc.split(",") if parts.scheme in several_hosts else [netloc]
            is_invalid = "@" in rest or 0 in {urlsplit(f"//{host}").port for host in hosts}
        except ValueError:
            is_invalid = True
        if is_invalid or parts.scheme not in schemes:
            advice = f"write it like `{example}`, with a slash in the password as %2F"
            raise PydanticCustomError("url", f"is not a valid URL for this setting; {advice}")
        return value

    return AfterValidator(check)


def url_parameters(url: SplitResult) -> dict[str, list[str]]:
    """Return the parameters of a URL. A plus sign stays a plus sign, as in the rest of a URL."""
    return parse_qs(url.query.replace("+", "%2B"), keep_blank_values=True)


def refuse_weak_password(variable: str, url: SecretStr) -> None:
    """Raise if a URL has an example password or a short password.

    A URL without a password is allowed: a certificate or the network may protect the server.
    """
    parts = urlsplit(url.get_secret_value())
    parameters = url_parameters(parts)
    in_query = [*parameters.get("password", []), *parameters.get("sentinel_password", [])]
    for password in in_query if parts.password is None else [*in_query, parts.password]:
        if is_example(password):
            message = f"{variable} has the example password; choose your own"
            raise PydanticCustomError("secret", message)
        if len(password) < _MIN_CHARACTERS:
            message = f"{variable} has a password of fewer than {_MIN_CHARACTERS} characters"
            raise PydanticCustomError("secret", message)


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


in_any_case = BeforeValidator(_lower)
"""Accepts a word in upper or lower case, such as LOG_LEVEL=INFO."""
RateLimit = Annotated[str, AfterValidator(_rate_limit)]
OneRateLimit = Annotated[str, AfterValidator(_one_rate_limit)]
SigningKeys = Annotated[tuple[SigningKey, ...], NoDecode, BeforeValidator(signing_keys)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
"""Names, separated by commas."""
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_comma_separated)]
"""Networks in CIDR notation, separated by commas."""
