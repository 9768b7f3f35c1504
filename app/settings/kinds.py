"""What a setting can be beyond a number or a word: keys, rate limits, addresses, lists."""

import base64
import binascii
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import parse_qs, urlsplit

from limits import parse_many
from pydantic import AfterValidator, BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_EXAMPLES = ("change-me", "changeme", "example")
_SHORTEST_PASSWORD = 12
_KEY_BYTES = 32
_FEWEST_DISTINCT_BYTES = 8
_BEGINNING = datetime.min.replace(tzinfo=UTC)


class EnvironmentSettings(BaseSettings):
    """Settings that are read once and never shown: what all of them share."""

    model_config = SettingsConfigDict(
        frozen=True, extra="ignore", env_ignore_empty=True, hide_input_in_errors=True
    )


@dataclass(frozen=True)
class SigningKey:
    """An Ed25519 seed, and the moment from which tokens are signed with it."""

    seed: bytes = field(repr=False)
    signs_from: datetime = _BEGINNING

    def __str__(self) -> str:
        """Return what may be logged: no part of the seed."""
        return repr(self)

    def to_setting(self) -> str:
        """Return it as it is written in the setting, which is the secret itself."""
        seed = base64.b64encode(self.seed).decode()
        if self.signs_from == _BEGINNING:
            return seed
        return f"{seed}@{self.signs_from:%Y-%m-%dT%H:%M:%SZ}"


def signing_keys(value: object) -> tuple[SigningKey, ...]:
    """Read `seed` or, during a rotation, `seed,seed@2026-11-22T15:30:00Z`.

    Raises `ValueError` with a sentence that does not quote what it is about.
    """
    first, *others = (_signing_key(part.strip()) for part in str(value).split(","))
    if first.signs_from != _BEGINNING or any(
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
    """Tell whether a secret is one of those that documentation has in their place."""
    return any(example in secret.lower() for example in _EXAMPLES)


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
    if len(set(seed)) < _FEWEST_DISTINCT_BYTES:
        raise PydanticCustomError("secret", f"is an example, not random bytes; {advice}")
    return seed


def _rate_limit(value: str) -> str:
    try:
        parse_many(value)
    except ValueError:
        raise PydanticCustomError(
            "rate_limit", "is no rate limit; write it like `10/minute` or `5/second;100/hour`"
        ) from None
    return value


def _one_rate_limit(value: str) -> str:
    if len(parse_many(_rate_limit(value))) > 1:
        raise PydanticCustomError("rate_limit", "takes one limit; write it like `100/10 seconds`")
    return value


def address(schemes: set[str], example: str) -> AfterValidator:
    """Check a URL: its scheme, and that its password is written as a URL wants it."""

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


def refuse_weak_password(variable: str, url: SecretStr) -> None:
    """Raise for an address with an example's password, or a short one.

    No password at all is allowed: a certificate or the network may stand in for it.
    """
    parts = urlsplit(url.get_secret_value())
    in_query = parse_qs(parts.query, keep_blank_values=True).get("password", [])
    for password in in_query if parts.password is None else [*in_query, parts.password]:
        if is_example(password):
            complaint = f"{variable} has the example password; choose your own"
            raise PydanticCustomError("secret", complaint)
        if len(password) < _SHORTEST_PASSWORD:
            complaint = f"{variable} has a password of fewer than {_SHORTEST_PASSWORD} characters"
            raise PydanticCustomError("secret", complaint)


def _comma_separated(value: object) -> object:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


RateLimit = Annotated[str, AfterValidator(_rate_limit)]
OneRateLimit = Annotated[str, AfterValidator(_one_rate_limit)]
SigningKeys = Annotated[tuple[SigningKey, ...], NoDecode, BeforeValidator(signing_keys)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_comma_separated)]
"""Words, separated by commas."""
