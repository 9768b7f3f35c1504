"""The dependencies of routes: the services, the signed-in user, ids and headers.

All dependencies are coroutines, even if they await nothing. FastAPI runs plain functions in a
thread, which takes longer than the functions themselves.
"""

from collections.abc import Callable
from typing import Annotated, cast

from fastapi import Depends, Path, Request, params
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from pydantic import BeforeValidator, Field

from app.container import Container
from app.errors import (
    Forbidden,
    NotFound,
    Overloaded,
    Reauthenticate,
    TooManyFailures,
    Unauthenticated,
    WrongPassword,
)
from app.http.pagination import digits
from app.http.representations import entity_tags
from app.http.request_state import state_of
from app.http.signed_in import signed_in
from app.schemas.preconditions import EntityTags
from app.services.auth import AuthService, Client
from app.services.emails import EmailService
from app.services.health import HealthService
from app.services.identities import IdentityService
from app.services.jobs import JobService
from app.services.oidc import OidcService
from app.services.orders import OrderService
from app.services.password_resets import PasswordResetService
from app.services.products import ProductService
from app.services.sessions import Principal, SessionService
from app.services.users import UserService

_MAX_USER_AGENT_CHARACTERS = 256

PROOF_ERRORS = (WrongPassword, Reauthenticate, TooManyFailures, Overloaded)
"""The errors of routes at which the caller must prove to be the owner of the account."""


def _container(request: Request) -> Container:
    return cast(Container, request.app.state.container)


def _service(get: Callable[[Container], object]) -> params.Depends:
    async def service(request: Request) -> object:
        return get(_container(request))

    return params.Depends(service)


Products = Annotated[ProductService, _service(lambda it: it.products)]
Orders = Annotated[OrderService, _service(lambda it: it.orders)]
Users = Annotated[UserService, _service(lambda it: it.users)]
Auth = Annotated[AuthService, _service(lambda it: it.auth)]
Sessions = Annotated[SessionService, _service(lambda it: it.sessions)]
Oidc = Annotated[OidcService, _service(lambda it: it.oidc)]
Identities = Annotated[IdentityService, _service(lambda it: it.identities)]
Emails = Annotated[EmailService, _service(lambda it: it.emails)]
PasswordResets = Annotated[PasswordResetService, _service(lambda it: it.password_resets)]
Jobs = Annotated[JobService, _service(lambda it: it.jobs)]
Health = Annotated[HealthService, _service(lambda it: it.health)]


async def _base_url(request: Request) -> str:
    origin = request.app.state.settings.public_url or str(request.base_url).rstrip("/")
    return f"{origin}{request.app.state.settings.root_path}"


BaseUrl = Annotated[str, Depends(_base_url)]
"""The URL at which clients reach the service: PUBLIC_URL followed by ROOT_PATH.

Without PUBLIC_URL, the URL begins with the origin of the request.
"""


class _SignedIn(SecurityBase):
    """Returns the signed-in user, from the token or cookie that the middleware has read.

    This class has no dependencies of its own, because FastAPI would resolve them again for each
    dependency that uses this class. The OpenAPI document describes this class as a bearer token.
    """

    model = HTTPBearer(bearerFormat="JWT")
    scheme_name = "AccessToken"

    async def __call__(self, request: Request) -> Principal:
        """Return the user. Raises `Unauthenticated` if the caller is not signed in."""
        return await signed_in(state_of(request.scope), _container(request).sessions)


_signed_in = _SignedIn()
Caller = Annotated[Principal, Depends(_signed_in)]
"""The signed-in user; 401 if the caller is not signed in."""


async def _sign_in_client(request: Request) -> Client:
    try:
        principal = await _signed_in(request)
    except Unauthenticated:
        # The client is about to begin a new session, so an old session that has ended is no error.
        principal = None
    user_agent = request.headers.get("user-agent", "")[:_MAX_USER_AGENT_CHARACTERS] or None
    return Client(user_agent, principal)


SignInClient = Annotated[Client, Depends(_sign_in_client)]
"""The client of a sign-in. The client need not be signed in already."""


async def _administrator(caller: Caller) -> Principal:
    if not caller.is_admin:
        raise Forbidden
    return caller


Administrator = Annotated[Principal, Depends(_administrator)]
"""The signed-in administrator; 403 for other users."""


PathId = Annotated[int, Field(ge=1, le=2**63 - 1), BeforeValidator(digits), Path(examples=[1])]
"""An id in a path: digits without a leading zero."""


async def _visible_user_id(user_id: PathId, caller: Caller) -> int:
    # FastAPI calls this before it validates the fields of the body. So a caller who must not see
    # the user gets 404 even if a field is invalid.
    if not caller.may_see(user_id):
        raise NotFound
    return user_id


VisibleUserId = Annotated[int, Depends(_visible_user_id)]
"""The caller's own id, or any id if the caller is an administrator; otherwise 404."""


async def _if_match(request: Request) -> EntityTags | None:
    return entity_tags(request, "if-match")


IfMatch = Annotated[EntityTags | None, Depends(_if_match)]
"""The versions that the client names in If-Match; None if the header is missing.

Without the header, the service raises `PreconditionRequired` (428, not FastAPI's 422).
"""

IF_MATCH_PARAMETER = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "the ETag of the version that you change, with its quotes; or `*`",
    "schema": {"type": "string", "pattern": r'^(\*|"[!#-~]+")$'},
}
"""If-Match in the OpenAPI document.

The parameter is not declared to FastAPI, which would answer 422 if the header is missing.
"""
