"""How long a password is (NIST SP 800-63B-4, section 3.1.1.2; OWASP Password Storage)."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

SHORTEST = 15
"""Characters, counted after normalisation."""
LONGEST = 1024
"""Bytes of UTF-8."""
_SHRINKING = 4
"""How many code points may become one byte's worth in NFC; generous."""


def _normalised(value: SecretStr) -> str | None:
    # The same passphrase typed on two machines may come as different code points. None for
    # what is too long; before it is normalised, since that takes quadratic time.
    typed = value.get_secret_value()
    if len(typed) > LONGEST * _SHRINKING:
        return None
    password = unicodedata.normalize("NFC", typed)
    return password if len(password.encode()) <= LONGEST else None


def _new_password(value: SecretStr) -> SecretStr:
    password = _normalised(value)
    if password is None:
        raise PydanticCustomError(
            "password_too_long", "A password has at most {longest} bytes.", {"longest": LONGEST}
        )
    if len(password) < SHORTEST:
        raise PydanticCustomError(
            "password_too_short",
            "A password has at least {shortest} characters. A few words in a row will do.",
            {"shortest": SHORTEST},
        )
    if "\x00" in password:
        raise PydanticCustomError("password_nul", "A password cannot contain the NUL character.")
    return SecretStr(password)


def _typed_password(value: SecretStr) -> SecretStr:
    # Too long is simply wrong: nothing that long was ever stored, and nothing that long
    # should be hashed.
    return SecretStr(_normalised(value) or "")


def _string(shortest: int) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "type": "string",
            "format": "password",
            "writeOnly": True,
            "minLength": shortest,
            "maxLength": LONGEST,
            **({"pattern": r"^[^\x00]*$"} if shortest else {}),
        }
    )


NewPassword = Annotated[SecretStr, AfterValidator(_new_password), _string(SHORTEST)]
"""A password to be set: 15 characters at least, 1,024 bytes at most, any but NUL."""

TypedPassword = Annotated[SecretStr, AfterValidator(_typed_password), _string(0)]
"""A password to be compared with a stored one; any length, in the same normal form."""
