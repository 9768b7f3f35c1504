"""The identities at identity providers that are linked to an account."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from app import errors
from app.http.negotiation import JsonRoute
from app.http.pagination import Cursor, Limit, links
from app.http.problems import problems
from app.http.representations import represent
from app.routers.dependencies import Caller, Identities, PathId, VisibleUserId
from app.schemas.identities import IdentityPage

router = APIRouter(prefix="/api/users/{user_id}/identities", tags=["users"], route_class=JsonRoute)


async def _own_user_id(user_id: VisibleUserId, caller: Caller) -> int:
    if user_id != caller.user_id:
        raise errors.Forbidden("Only the owner of an account can see its identities.")
    return user_id


OwnUserId = Annotated[int, Depends(_own_user_id)]
"""The caller's own id. For another id, an administrator gets 403, and other users get 404."""


@router.get(
    "",
    response_model=IdentityPage,
    responses=problems(errors.Forbidden, errors.NotFound, errors.MalformedCursor),
)
async def list_identities(
    request: Request,
    user_id: OwnUserId,
    identities: Identities,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """List the identities that are linked to your account."""
    page = await identities.list_identities(user_id, cursor=cursor, limit=limit)
    return represent(request, page, headers=links(request, page.next_cursor))


@router.delete(
    "/{identity_id}",
    status_code=204,
    responses=problems(
        errors.Forbidden, errors.NotFound, errors.Reauthenticate, errors.LastSignInMethod
    ),
)
async def delete_identity(
    _: OwnUserId, identity_id: PathId, caller: Caller, identities: Identities
) -> Response:
    """Remove a linked identity. The session must have begun less than five minutes ago."""
    await identities.remove(caller, identity_id)
    return Response(status_code=204)
