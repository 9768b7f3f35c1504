"""The reset of a forgotten password, with the link in a message."""

from fastapi import APIRouter, Response

from app import errors
from app.http.negotiation import JsonRoute
from app.http.openapi import limited_by
from app.http.problems import problems
from app.routers.dependencies import PasswordResets
from app.schemas.password_resets import PasswordReset, PasswordResetRequest

router = APIRouter(prefix="/api/auth/password-reset", tags=["auth"], route_class=JsonRoute)


@router.post(
    "",
    status_code=202,
    response_class=Response,
    responses=problems(),
    openapi_extra=limited_by("mail"),
)
async def request_password_reset(
    body: PasswordResetRequest, password_resets: PasswordResets
) -> Response:
    """Send a link to this address if an account has it. The response is the same in both cases."""
    await password_resets.request(body.email)
    return Response(status_code=202)


@router.put(
    "",
    status_code=204,
    responses=problems(errors.InvalidLink, errors.Overloaded),
    openapi_extra=limited_by("password"),
)
async def reset_password(body: PasswordReset, password_resets: PasswordResets) -> Response:
    """Set a new password with the token of a link. All sessions of the account end."""
    await password_resets.complete(body)
    return Response(status_code=204)
