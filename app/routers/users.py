"""Users: sign up, read, change and delete an account, and list accounts for administrators."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from app import errors
from app.http.negotiation import JsonRoute
from app.http.openapi import CACHED, limited_by
from app.http.pagination import Cursor, Limit, links
from app.http.problems import problems
from app.http.representations import represent, represent_cached
from app.routers.dependencies import (
    IF_MATCH_PARAMETER,
    PROOF_ERRORS,
    Administrator,
    Caller,
    IfMatch,
    Users,
    VisibleUserId,
)
from app.schemas.emails import Email
from app.schemas.users import PasswordChange, UserCreate, UserPage, UserRead, UserUpdate

router = APIRouter(prefix="/api/users", tags=["users"], route_class=JsonRoute)


@router.post(
    "",
    status_code=201,
    response_model=UserRead,
    responses=problems(errors.EmailTaken, errors.Overloaded),
    openapi_extra=limited_by("signup"),
)
async def create_user(request: Request, body: UserCreate, users: Users) -> Response:
    """Sign up. The address gets a message with a link that confirms it."""
    user = await users.register(body)
    location = {"Location": f"/api/users/{user.id}"}
    return represent(request, user, status=201, headers=location)


@router.get(
    "",
    response_model=UserPage,
    responses=problems(errors.Forbidden, errors.MalformedCursor),
)
async def list_users(
    request: Request,
    _: Administrator,
    users: Users,
    limit: Limit = 20,
    cursor: Cursor = None,
    email: Annotated[Email | None, Query(description="only the account with this email")] = None,
) -> Response:
    """List all users, oldest first. For administrators."""
    page = await users.list_users(cursor=cursor, limit=limit, email=email)
    return represent(request, page, headers=links(request, page.next_cursor))


@router.get(
    "/me",
    response_model=UserRead,
    responses=problems(),
    openapi_extra=CACHED,
)
async def read_me(request: Request, caller: Caller, users: Users) -> Response:
    """Read your own account."""
    return represent_cached(request, await users.read(caller.user_id))


@router.get(
    "/{user_id}",
    response_model=UserRead,
    responses=problems(errors.NotFound),
    openapi_extra=CACHED,
)
async def read_user(request: Request, user_id: VisibleUserId, users: Users) -> Response:
    """Read an account: your own or, for administrators, any."""
    return represent_cached(request, await users.read(user_id))


@router.patch(
    "/{user_id}",
    response_model=UserRead,
    responses=problems(errors.NotFound),
    openapi_extra={"parameters": [IF_MATCH_PARAMETER]},
)
async def update_user(
    request: Request,
    user_id: VisibleUserId,
    if_match: IfMatch,
    body: UserUpdate,
    users: Users,
) -> Response:
    """Change the name. `If-Match` names the version that you change."""
    return represent(request, await users.update(user_id, body, if_match))


@router.put(
    "/{user_id}/password",
    status_code=204,
    responses=problems(errors.Forbidden, errors.NotFound, *PROOF_ERRORS),
    openapi_extra=limited_by("password"),
)
async def change_password(
    user_id: VisibleUserId, caller: Caller, body: PasswordChange, users: Users
) -> Response:
    """Set a new password. Send the current password, too. All your other sessions end.

    A notice is sent to your address.

    If the account has no password yet, the session must have begun less than five minutes ago.
    """
    if user_id != caller.user_id:
        raise errors.Forbidden("Only the owner of an account can change its password.")
    await users.change_password(body, caller)
    return Response(status_code=204)


@router.delete(
    "/{user_id}",
    status_code=204,
    responses=problems(errors.NotFound),
    openapi_extra={"parameters": [IF_MATCH_PARAMETER]},
)
async def delete_user(user_id: VisibleUserId, if_match: IfMatch, users: Users) -> Response:
    """Delete an account. Its personal data is erased, and its email can be used again."""
    await users.erase(user_id, if_match)
    return Response(status_code=204)
