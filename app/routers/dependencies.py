"""What routes ask for: the services, who is calling, and what the headers demand.

Dependencies are coroutines, even where they wait for nothing: FastAPI hands plain functions
to a thread, which costs more than all that they do.
"""

from typing import Annotated, cast

from fastapi import Depends, Path, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from pydantic import BeforeValidator, Field

from app.container import Container
from app.errors import Forbidden, NotFound, Unauthenticated
from app.http.pagination import digits
from app.http.representations import entity_tags
from app.http.request_state import RequestState, state_of
from app.schemas.preconditions import EntityTags
from app.services.auth import AuthService, Client
from app.services.health import HealthService
from app.services.identities import IdentityService
from app.services.oidc import OidcService
from app.services.orders import OrderService
from app.services.products import ProductService
from app.services.sessions import Principal, SessionService
from app.services.users import UserService

_LONGEST_USER_AGENT = 256


def _container(request: Request) -> Container:
    return cast(Container, request.app.state.container)


async def _products(request: Request) -> ProductService:
    return _container(request).products


async def _orders(request: Request) -> OrderService:
    return _container(request).orders


async def _users(request: Request) -> UserService:
    return _container(request).users


async def _auth(request: Request) -> AuthService:
    return _container(request).auth


async def _sessions(request: Request) -> SessionService:
    return _container(request).sessions


async def _oidc(request: Request) -> OidcService:
    return _container(request).oidc


async def _identities(request: Request) -> IdentityService:
    return _container(request).identities


async def _health(request: Request) -> HealthService:
    return _container(request).health


Products = Annotated[ProductService, Depends(_products)]
Orders = Annotated[OrderService, Depends(_orders)]
Users = Annotated[UserService, Depends(_users)]
Auth = Annotated[AuthService, Depends(_auth)]
Sessions = Annotated[SessionService, Depends(_sessions)]
Oidc = Annotated[OidcService, Depends(_oidc)]
Identities = Annotated[IdentityService, Depends(_identities)]
Health = Annotated[HealthService, Depends(_health)]


class _SignedIn(SecurityBase):
    """Says who is signed in, by what was read at the door.

    It depends on nothing: FastAPI would resolve that anew for each dependency that asks for
    this one. In the OpenAPI document it stands as a bearer token.
    """

    model = HTTPBearer(bearerFormat="JWT")
    scheme_name = "AccessToken"

    async def __call__(self, request: Request) -> Principal:
        """Raise `Unauthenticated` for anybody else."""
        state, sessions = state_of(request.scope), _container(request).sessions
        principal = sessions.cached_principal(state.claims, state.session_cookie)
        principal = principal or await _looked_up(state, sessions)
        state.user_id, state.role = principal.user_id, principal.role
        return principal


async def _looked_up(state: RequestState, sessions: SessionService) -> Principal:
    if state.claims is not None:
        return await sessions.by_token(state.claims)
    if state.session_cookie is not None:
        return await sessions.by_cookie(state.session_cookie)
    raise state.refusal


_signed_in = _SignedIn()
Caller = Annotated[Principal, Depends(_signed_in)]
"""A signed-in user; anybody else gets 401."""


async def _signing_in(request: Request) -> Client:
    try:
        principal = await _signed_in(request)
    except Unauthenticated:
        # What has ended, or never was, is no hindrance: this is where one signs in anew.
        principal = None
    user_agent = request.headers.get("user-agent", "")[:_LONGEST_USER_AGENT] or None
    by_cookie = state_of(request.scope).session_cookie is not None
    return Client(user_agent, principal, replaces=principal if by_cookie else None)


SigningIn = Annotated[Client, Depends(_signing_in)]
"""Who asks to be signed in: anybody."""


async def _administrator(caller: Caller) -> Principal:
    if not caller.is_admin:
        raise Forbidden
    return caller


Administrator = Annotated[Principal, Depends(_administrator)]
"""A signed-in administrator; other users get 403."""


RowId = Annotated[int, Field(ge=1, le=2**63 - 1), BeforeValidator(digits), Path(examples=[1])]
"""An id in a path, in its one spelling."""


async def _visible_user_id(user_id: RowId, caller: Caller) -> int:
    # Checked before the body: whoever may not see a user must not learn, from the order of
    # the answers, that there is one.
    if user_id != caller.user_id and not caller.is_admin:
        raise NotFound
    return user_id


VisibleUserId = Annotated[int, Depends(_visible_user_id)]
"""The id of the caller, or of anybody for an administrator; else 404."""


async def _if_match(request: Request) -> EntityTags | None:
    return entity_tags(request, "if-match")


IfMatch = Annotated[EntityTags | None, Depends(_if_match)]
"""The versions that a change is meant for; None if the header is missing (428, not 422)."""

IF_MATCH_PARAMETER = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "the ETag of the version that is being changed, in its quotes; or `*`",
    "schema": {"type": "string", "pattern": r'^(\*|"[!#-~]+")$'},
}
"""How the header stands in the OpenAPI document. FastAPI, told of it, would answer 422."""
