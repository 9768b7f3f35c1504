"""What goes over the wire when somebody signs in at an identity provider."""

import re
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from app.schemas.bodies import Representation, RequestBody
from app.schemas.passwords import TypedPassword

# A path of this very origin. Browsers take `//host` and `/\host` for other origins, and drop
# tabs and line breaks before they look.
_PATH = r"/([!-.0-\[\]-~][!-\[\]-~]*)?"
_LONGEST = 2000


def _return_to(value: str) -> str:
    if len(value) > _LONGEST or not re.fullmatch(_PATH, value):
        raise PydanticCustomError(
            "return_to", "This is a path on this server, such as /api/users/me."
        )
    return value


ReturnTo = Annotated[
    str,
    AfterValidator(_return_to),
    WithJsonSchema({"type": "string", "pattern": f"^{_PATH}$", "maxLength": _LONGEST}),
]
"""Where a browser goes in the end: a path on this server, never another address."""


class LinkStart(RequestBody):
    """The proof that the account's owner wants to link an identity."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"current_password": "correct horse battery"}]}
    )

    current_password: TypedPassword | None = None


class AuthorizationUrl(Representation):
    """Where to send the browser."""

    authorization_url: Annotated[str, Field(description="a page of the identity provider's")]
