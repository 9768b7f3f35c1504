"""The JSON and parameters of sign-in at an identity provider."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.schemas.bodies import Representation, RequestBody, with_example
from app.schemas.fields.passwords import TypedPassword

# A path on this origin. The pattern allows no tabs, line breaks or backslashes, and no second slash
# at the beginning: browsers remove tabs and line breaks from a URL, and then read `//host` and
# `/\host` as other origins.
_PATH = r"/([!-.0-\[\]-~][!-\[\]-~]*)?"
_MAX_CHARACTERS = 2000


def _return_to(value: str) -> str:
    if len(value) > _MAX_CHARACTERS or not re.fullmatch(_PATH, value):
        raise PydanticCustomError(
            "return_to", "This is a path on this server, such as /api/users/me."
        )
    return value


ReturnTo = Annotated[
    str,
    AfterValidator(_return_to),
    WithJsonSchema({"type": "string", "pattern": f"^{_PATH}$", "maxLength": _MAX_CHARACTERS}),
]
"""The path to return the browser to. It is always on this server."""


class LinkStart(RequestBody):
    """The proof that the account's owner wants to link an identity."""

    model_config = with_example({"current_password": "correct horse battery"})

    current_password: TypedPassword | None = None


class AuthorizationUrl(Representation):
    """Where to send the browser."""

    authorization_url: Annotated[str, Field(description="a page of the identity provider")]
