"""The email address of an account: change it, and confirm it with the link in a message."""

from fastapi import APIRouter, Response

from app import errors
from app.http.negotiation import JsonRoute
from app.http.openapi import limited_by
from app.http.problems import problems
from app.routers.dependencies import PROOF_ERRORS, Caller, Emails, VisibleUserId
from app.schemas.emails import EmailChange, EmailConfirmation

router = APIRouter(prefix="/api", route_class=JsonRoute)


@router.put(
    "/users/{user_id}/email",
    status_code=202,
    response_class=Response,
    responses=problems(errors.EmailTaken, errors.NotFound, *PROOF_ERRORS)
    | {204: {"description": "The address has changed at once. Both addresses get a message."}},
    openapi_extra=limited_by("mail"),
    tags=["users"],
)
async def change_email(
    user_id: VisibleUserId, caller: Caller, body: EmailChange, emails: Emails
) -> Response:
    """Request a new address. The service sends a link to it, and a notice to the present address.

    The address changes when the link is used. Send the current password, if the account has one;
    otherwise, the session must have begun less than five minutes ago. An administrator changes the
    address of another account at once (204).
    """
    if user_id != caller.user_id:
        await emails.change_at_once(user_id, body)
        return Response(status_code=204)
    await emails.request_change(body, caller)
    return Response(status_code=202)


@router.post(
    "/auth/email-confirmation",
    status_code=202,
    response_class=Response,
    responses=problems(errors.EmailConfirmed),
    openapi_extra=limited_by("mail"),
    tags=["auth"],
)
async def send_email_confirmation(caller: Caller, emails: Emails) -> Response:
    """Send the link to your address again. Earlier links stop working."""
    await emails.request_confirmation(caller)
    return Response(status_code=202)


@router.put(
    "/auth/email-confirmation",
    status_code=204,
    responses=problems(errors.EmailTaken, errors.InvalidLink),
    tags=["auth"],
)
async def confirm_email(body: EmailConfirmation, emails: Emails) -> Response:
    """Use the token of a link: the address is confirmed, or the new address replaces the old."""
    await emails.confirm(body.token)
    return Response(status_code=204)
