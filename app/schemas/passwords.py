"""How long a password is (NIST SP 800-63B-4, section 3.1.1.2; OWASP Password Storage)."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, SecretStr, WithJsonSchema
from pydantic_core import PydanticCustomError

SHORTEST = 15
"""Characters, counted after normalisation."""
LONGEST = 1024
"""Bytes of UTF-8."""


def _new_password(value: SecretStr) -> SecretStr:
    # The same passphrase typed on two machines may come as different code points.
    password = unicodedata.normalize("NFC", value.get_secret_value())
    if len(password) < SHORTEST:
        raise PydanticCustomError(
            "password_too_short",
            "A password has at least {shortest} characters. A few words in a row will do.",
            {"shortest": SHORTEST},
        )
    if len(password.encode()) > LONGEST:
        raise PydanticCustomError(
            "password_too_long", "A password has at most {longest} bytes.", {"longest": LONGEST}
        )
    if "\x00" in password:
        raise PydanticCustomError("password_nul", "A password cannot contain the NUL character.")
    return SecretStr(password)


def _typed_password(value: SecretStr) -> SecretStr:
    # Too long is simply wrong: nothing that long was ever stored, and nothing that long
    # should be hashed.
    password = unicodedata.normalize("NFC", value.get_secret_value())
    return SecretStr(password if len(password.encode()) <= LONGEST else "")


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
