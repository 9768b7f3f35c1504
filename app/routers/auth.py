"""Signing in."""

from fastapi import APIRouter, Response

from app import errors
from app.routers.dependencies import Auth
from app.routers.negotiation import JsonRoute
from app.routers.openapi import limited_by
from app.routers.problems import READING_A_BODY, problems
from app.routers.representations import json_response
from app.schemas.auth import Login, TokenPair

router = APIRouter(prefix="/api/auth", tags=["auth"], route_class=JsonRoute)


@router.post(
    "/login",
    response_model=TokenPair,
    responses=problems(errors.BadCredentials, errors.Overloaded, *READING_A_BODY),
    openapi_extra=limited_by("login"),
)
async def login(body: Login, auth: Auth) -> Response:
    """Trade email and password for an access token and a refresh token."""
    return json_response(await auth.login(body), headers={"Cache-Control": "no-store"})
