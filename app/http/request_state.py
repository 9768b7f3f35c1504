"""The data about one request that the middleware and the routes share."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

from starlette.types import Scope

from app.adapters.tokens import Claims
from app.errors import Unauthenticated
from app.http.paths import Path
from app.models import Principal, Role
from app.models.cached_reads import CachedBody
from app.tracing import Recording

_KEY: Final = "roundtrip.request"


class StoredResponse(NamedTuple):
    """A response that this process has sent, and may send again."""

    tag: str
    """The cache tag of the data in the response (`adapters/read_cache/cache.py`)."""
    generation: bytes
    """The generation of the tag. The response is current while Redis has the same generation."""
    role: Role | None
    """The role of the user who got the response; None if the response is public."""
    headers: list[tuple[bytes, bytes]]
    etag: bytes
    body: bytes


@dataclass(slots=True)
class GraphqlOutcome:
    """The operation of a GraphQL request and the codes of its errors, for logs and metrics."""

    operation: str
    """The name of the operation, up to 64 characters; `unnamed-operation` if it has none."""
    codes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class RequestState:
    """The state of one request. Each comment names the code that sets the fields below it."""

    # ResponseHeaders
    request_id: str
    response_headers: dict[bytes, bytes]
    """Headers to add to the response. A header that the response already has is not replaced."""
    # Routing
    path: Path | None = None
    """The path template that matches the request; None if there is none."""
    # Stages
    recording: Recording | None = None
    """None if the request is not traced and Server-Timing is off."""
    # Credentials
    claims: Claims | None = None
    """The claims of the access token. RateLimit sets them to None if the session has ended."""
    session_cookie: str | None = None
    """The session cookie of a request without an access token. It is not verified yet."""
    refusal: type[Unauthenticated] = Unauthenticated
    """The error of a route for signed-in users, if `claims` and `session_cookie` are None."""
    # RateLimit
    rate_limits: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    """The values of RateLimit-Policy and RateLimit, by the name of the limit."""
    count: Callable[[str, int], Awaitable[None]] | None = None
    """Takes the name of a rate limit and a number of requests, and counts these requests.

    Raises `TooManyRequests`. `count` is None for a request without a limit: a direct health check
    or read of the metrics.
    """
    # StoredResponses, which RateLimit calls
    stored: "tuple[StoredResponse, asyncio.Future[Any]] | None" = None
    """A response that may be sent again, and a future of its tag's current generation in Redis."""
    # RateLimit, ResponseCache, and the route
    principal: Principal | None = None
    """The signed-in user; None until the session has been verified."""
    # The route
    cached: CachedBody | None = None
    """The body that the route has read through the cache and sends."""
    is_public: bool = False
    """Whether `cached` is the same for every client."""
    graphql: GraphqlOutcome | None = None
    """The operation of a GraphQL request; None for any other request."""

    @property
    def user_id(self) -> int | None:
        """The id of the signed-in user; None until the session has been verified."""
        return self.principal.user_id if self.principal is not None else None


def begin_state(scope: Scope, state: RequestState) -> None:
    """Store the state of a request in its scope."""
    scope[_KEY] = state


def state_of(scope: Scope) -> RequestState:
    """Return the state of a request."""
    return cast(RequestState, scope[_KEY])
