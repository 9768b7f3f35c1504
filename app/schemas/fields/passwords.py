"""The length of a password (NIST SP 800-63B-4, section 3.1.1.2; OWASP Password Storage)."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

MIN_CHARACTERS = 15
"""The minimum length, counted after normalisation."""
MAX_BYTES = 1024
"""The maximum length in UTF-8, counted after normalisation."""
_MAX_CODE_POINTS_PER_BYTE = 4
"""NFC makes one byte from fewer code points than this, so a longer text exceeds `MAX_BYTES`."""


def _normalised(value: SecretStr) -> str | None:
    # Returns None if the password is too long. The password is normalised, because two machines may
    # produce different code points for the same typed password. Normalising takes quadratic time,
    # so a very long text is refused first.
    typed = value.get_secret_value()
    if len(typed) > MAX_BYTES * _MAX_CODE_POINTS_PER_BYTE:
        return None
    password = unicodedata.normalize("NFC", typed)
    return password if len(password.encode()) <= MAX_BYTES else None


def _new_password(value: SecretStr) -> SecretStr:
    password = _normalised(value)
    if password is None:
        raise PydanticCustomError(
            "password_too_long", "A password has at most {longest} bytes.", {"longest": MAX_BYTES}
        )
    if len(password) < MIN_CHARACTERS:
        raise PydanticCustomError(
            "password_too_short",
            "A password has at least {shortest} characters. A few words in a row will do.",
            {"shortest": MIN_CHARACTERS},
        )
    if "\x00" in password:
        raise PydanticCustomError("password_nul", "A password cannot contain the NUL character.")
    return SecretStr(password)


def _typed_password(value: SecretStr) -> SecretStr:
    # An empty text replaces a password that is too long. No account has an empty password or a
    # password that is too long, so neither of them matches.
    return SecretStr(_normalised(value) or "")


_PASSWORD = {"type": "string", "format": "password", "writeOnly": True}
_NEW_PASSWORD = {
    **_PASSWORD,
    "minLength": MIN_CHARACTERS,
    "maxLength": MAX_BYTES,
    "pattern": r"^[^\x00]*$",
}

NewPassword = Annotated[SecretStr, AfterValidator(_new_password), WithJsonSchema(_NEW_PASSWORD)]
"""A new password: at least 15 characters, at most 1,024 bytes, without NUL."""

TypedPassword = Annotated[SecretStr, AfterValidator(_typed_password), WithJsonSchema(_PASSWORD)]
"""A password to compare with the stored hash: any length, normalised like a new password."""
