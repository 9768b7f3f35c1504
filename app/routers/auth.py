"""Sign-in with a password, refresh, sign-out, and the public keys of access tokens."""

from fastapi import APIRouter, Request, Response

from app import errors
from app.http.cookies import with_session_cookie, without_session_cookie
from app.http.negotiation import JsonRoute
from app.http.openapi import NO_STORE, limited_by
from app.http.problems import problems
from app.http.representations import PUBLIC, represent, represent_unstored
from app.http.request_state import state_of
from app.routers.dependencies import Auth, Caller, Sessions, SignInClient
from app.schemas.auth import Login, PublicKeys, Refresh, TokenPair
from app.schemas.sessions import SessionRead

router = APIRouter(tags=["auth"], route_class=JsonRoute)

_LOGIN_ERRORS = (
    errors.BadCredentials,
    errors.AccountDisabled,
    errors.TooManyFailures,
    errors.Overloaded,
)


@router.post(
    "/api/auth/login",
    response_model=TokenPair,
    responses=problems(*_LOGIN_ERRORS),
    openapi_extra=limited_by("login") | NO_STORE,
)
async def login(body: Login, client: SignInClient, auth: Auth) -> Response:
    """Exchange email and password for an access token and a refresh token."""
    return represent_unstored(await auth.login(body, client))


@router.post(
    "/api/auth/session",
    status_code=201,
    response_model=SessionRead,
    responses=problems(*_LOGIN_ERRORS),
    openapi_extra=limited_by("login") | NO_STORE,
)
async def create_session(body: Login, client: SignInClient, auth: Auth) -> Response:
    """Sign in with a cookie, for browsers. If the request has a cookie, its session ends."""
    session, cookie = await auth.create_session(body, client)
    location = {"Location": f"/api/auth/sessions/{session.id}"}
    return with_session_cookie(represent_unstored(session, status=201, headers=location), cookie)


@router.post(
    "/api/auth/refresh",
    response_model=TokenPair,
    responses=problems(errors.InvalidRefreshToken),
    openapi_extra=NO_STORE,
)
async def refresh(body: Refresh, auth: Auth) -> Response:
    """Exchange a refresh token for a new pair of tokens. A second use ends the session."""
    return represent_unstored(await auth.refresh(body))


@router.post("/api/auth/logout", status_code=204, responses=problems())
async def logout(request: Request, caller: Caller, sessions: Sessions) -> Response:
    """End this session, with its access tokens, its refresh token and its cookie."""
    await sessions.sign_out(caller)
    response = Response(status_code=204)
    return without_session_cookie(response) if state_of(request.scope).session_cookie else response


@router.get("/.well-known/jwks.json", response_model=PublicKeys, responses=problems())
async def read_public_keys(request: Request, sessions: Sessions) -> Response:
    """Read the public keys that verify access tokens (RFC 7517)."""
    return represent(request, sessions.public_keys(), caching=PUBLIC)
