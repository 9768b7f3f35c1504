"""Finds the signed-in user of a request."""

from app.http.request_state import RequestState
from app.services.sessions import Principal, SessionService


async def signed_in(state: RequestState, sessions: SessionService) -> Principal:
    """Return the user of the token or the cookie that the middleware has read.

    Sets `principal` of the request state. Raises `Unauthenticated` if the caller is not
    signed in.
    """
    principal = sessions.cached_principal(state.claims, state.session_cookie)
    state.principal = principal or await _look_up(state, sessions)
    return state.principal


async def _look_up(state: RequestState, sessions: SessionService) -> Principal:
    if state.claims is not None:
        return await sessions.by_token(state.claims)
    if state.session_cookie is not None:
        return await sessions.by_cookie(state.session_cookie)
    raise state.refusal
