"""The public keys of access tokens."""

from fastapi import APIRouter, Request, Response

from app.http.negotiation import JsonRoute
from app.http.problems import problems
from app.http.representations import PUBLIC, represent
from app.routers.dependencies import Sessions
from app.schemas.auth import PublicKeys

router = APIRouter(prefix="/.well-known", tags=["auth"], route_class=JsonRoute)


@router.get("/jwks.json", response_model=PublicKeys, responses=problems())
async def read_public_keys(request: Request, sessions: Sessions) -> Response:
    """Read the public keys that verify access tokens (RFC 7517)."""
    return represent(request, sessions.public_keys(), caching=PUBLIC)
