"""The sessions of the signed-in user: list, read and end them."""

from fastapi import APIRouter, Request, Response

from app import errors
from app.http.cookies import without_session_cookie
from app.http.negotiation import JsonRoute
from app.http.pagination import Cursor, Limit, links
from app.http.problems import problems
from app.http.representations import represent
from app.routers.dependencies import Caller, PathId, Sessions
from app.schemas.sessions import SessionPage, SessionRead

router = APIRouter(prefix="/api/auth/sessions", tags=["auth"], route_class=JsonRoute)


@router.get(
    "",
    response_model=SessionPage,
    responses=problems(errors.MalformedCursor),
)
async def list_sessions(
    request: Request, caller: Caller, sessions: Sessions, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """List your sessions, newest first."""
    page = await sessions.list_sessions(caller, cursor=cursor, limit=limit)
    return represent(request, page, headers=links(request, page.next_cursor))


@router.get(
    "/{session_id}",
    response_model=SessionRead,
    responses=problems(errors.NotFound),
)
async def read_session(
    request: Request, session_id: PathId, caller: Caller, sessions: Sessions
) -> Response:
    """Read one of your sessions."""
    return represent(request, await sessions.read(caller, session_id))


@router.delete(
    "/{session_id}",
    status_code=204,
    responses=problems(errors.NotFound),
)
async def delete_session(session_id: PathId, caller: Caller, sessions: Sessions) -> Response:
    """End one of your sessions, for example the session of a lost phone."""
    await sessions.end(caller, session_id)
    response = Response(status_code=204)
    return without_session_cookie(response) if session_id == caller.session_id else response
