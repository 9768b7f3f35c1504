"""What the middleware and the routes know of one request."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, cast

from starlette.types import Scope

from app.adapters.redis.read_cache import CachedBody
from app.adapters.tokens import Claims
from app.errors import Unauthenticated
from app.http.paths import Path
from app.models import Role
from app.tracing import Recording

_KEY: Final = "roundtrip.request"


class StoredResponse(NamedTuple):
    """A response that this process has sent, and may send again."""

    tag: str
    generation: bytes
    """Of the tag. The response is current as long as Redis has the same one."""
    role: Role | None
    """Of its user; None if it is public."""
    headers: list[tuple[bytes, bytes]]
    etag: bytes
    body: bytes


@dataclass(slots=True)
class RequestState:
    """One for each request. The comments name who sets a field."""

    # ResponseHeaders
    request_id: str
    response_headers: dict[bytes, bytes]
    """Added to the response, unless it has a header of that name."""
    # Routing
    path: Path | None = None
    """None if no path template fits."""
    # Stages
    recording: Recording | None = None
    """None if the request is not traced and Server-Timing is off."""
    # Credentials
    claims: Claims | None = None
    """Of the access token. RateLimit resets them if the session has ended."""
    session_cookie: str | None = None
    """Only of a request without an access token. Not verified yet."""
    refusal: type[Unauthenticated] = Unauthenticated
    """The error for a route that needs a signed-in user, if `claims` and the cookie are None."""
    # RateLimit
    stored: "tuple[StoredResponse, asyncio.Future[Any]] | None" = None
    """What may be sent again, and a future with the generation of its tag in Redis."""
    # RateLimit, ResponseCache, or the route
    user_id: int | None = None
    """The user whose session is known to be live."""
    # The route
    role: Role | None = None
    """Of the signed-in user; None if the route did not ask for one."""
    cached: CachedBody | None = None
    """What the route has read through the cache and sends."""
    is_public: bool = False
    """Whether `cached` is the same for every client."""


def begin_state(scope: Scope, state: RequestState) -> None:
    """Store the state of a request in its scope."""
    scope[_KEY] = state


def state_of(scope: Scope) -> RequestState:
    """Return the state of a request."""
    return cast(RequestState, scope[_KEY])
