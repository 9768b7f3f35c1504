"""Stores responses in this process, and sends them again while Redis confirms them as current."""

import asyncio
import time
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Final

from cachetools import TTLCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.adapters.read_cache.cache import ReadCache, cache_outcome
from app.adapters.tokens import Claims
from app.http.request_state import RequestState, StoredResponse, state_of
from app.models import Principal, Role
from app.tracing import ActiveStage, begin_stage, code_attributes

_MAX_BYTES: Final = 32 * 1024 * 1024
"""The maximum total size of the stored responses in one process."""
_OVERHEAD_BYTES: Final = 1024
"""The assumed size of a stored response without its body."""
_ACCEPTABLE: Final = {None, b"*/*", b"application/json"}
_CONTENT_HEADERS: Final = {b"content-type", b"content-length"}
"""The headers that a 304 does not have."""
_Headers = list[tuple[bytes, bytes]]
_FindPrincipal = Callable[[Claims | None, str | None], Principal | None]


class StoredResponses:
    """Stores the responses to cached reads, by user, path and query.

    A route that has read through the cache sets `cached` of the request state. Its response is
    stored with the generation of its tag (`adapters/read_cache/cache.py`). The response is current
    as long as Redis has the same generation. A change by any process removes the generation, so
    that no process sends an older response again.
    """

    def __init__(
        self,
        cache: ReadCache,
        find_principal: _FindPrincipal,
        *,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Store each response for at most the lifetime of a cached read.

        `find_principal` returns the user of a token or a cookie, without asking the database. It
        returns None if this process has not verified the session recently.
        """
        self._cache = cache
        self._find_principal = find_principal
        self._responses: TTLCache[Hashable, StoredResponse] = TTLCache(
            _MAX_BYTES, cache.lifetime_seconds, timer=timer, getsizeof=_size_bytes
        )

    def start_lookup(self, scope: Scope) -> None:
        """Look for a stored response, and request its generation from Redis without waiting.

        `RateLimit` calls this before it counts, so that both share one batch of Redis commands.
        """
        if scope["method"] == "GET":
            response = self._responses.get(_key(scope, public=True))
            response = response or self._responses.get(_key(scope, public=False))
            if response is not None:
                state_of(scope).stored = response, self._request_generation(response)

    def _request_generation(self, response: StoredResponse) -> asyncio.Future[Any]:
        stage = begin_stage("cache", "cache", code_attributes(StoredResponses.find))
        if stage is None:
            return self._cache.generation(response.tag)
        with stage.inside():
            generation = self._cache.generation(response.tag)
        # A callback ends the stage: if the rate limit refuses the request, `find` never runs.
        generation.add_done_callback(partial(_end, stage, response))
        return generation

    async def find(self, scope: Scope) -> StoredResponse | None:
        """Return the response that was looked up, if it is current and the user may see it."""
        state = state_of(scope)
        if state.stored is None:
            return None
        response, generation = state.stored
        if await generation != response.generation:
            return None
        if response.role is None or response.role == self._role(state):
            return response
        return None

    def _role(self, state: RequestState) -> Role | None:
        # If this process has not verified the session recently, return None. The route then
        # verifies the session in the database, within the time of `Deadline`, which would not limit
        # a statement that runs here. Do not use the user that RateLimit has found: the session may
        # have ended while the request waited for Redis.
        principal = self._find_principal(state.claims, state.session_cookie)
        if principal is None:
            return None
        state.principal = principal
        return principal.role

    def store(self, scope: Scope, headers: _Headers, body: bytes) -> None:
        """Store a response that the route has just sent, if it may be sent again."""
        state = state_of(scope)
        cached = state.cached
        if cached is None or cached.generation is None or len(body) + _OVERHEAD_BYTES > _MAX_BYTES:
            return
        route_headers = dict(headers)
        # The route has verified the session. Store the role that the route found: by now, the user
        # may have another role.
        role = None if state.is_public or state.principal is None else state.principal.role
        if state.is_public or role is not None:
            stored_headers = list({**route_headers, b"x-cache": b"hit"}.items())
            self._responses[_key(scope, public=state.is_public)] = StoredResponse(
                cached.tag, cached.generation, role, stored_headers, route_headers[b"etag"], body
            )


def _size_bytes(response: StoredResponse) -> int:
    return len(response.body) + _OVERHEAD_BYTES


def _end(stage: ActiveStage, response: StoredResponse, generation: "asyncio.Future[Any]") -> None:
    if generation.cancelled():
        # The request was cancelled, so the outcome is unknown.
        stage.end(asyncio.CancelledError())
        return
    outcome = cache_outcome(response.generation, generation.result())
    stage.set_attributes({"roundtrip.cache": outcome})
    stage.end()


class ResponseCache:
    """Answers with a stored response if it is current; otherwise the route answers."""

    def __init__(self, app: ASGIApp, responses: StoredResponses) -> None:
        self.app = app
        self.responses = responses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stored response, or pass the request on and store its response."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        response = await self.responses.find(scope)
        start = _response_start(response, scope["headers"]) if response is not None else None
        if response is None or start is None:
            await self._pass_on(scope, receive, send)
            return
        await send(start)
        body = response.body if start["status"] == 200 else b""  # noqa: PLR2004 - 304 has no body
        await send({"type": "http.response.body", "body": body})

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: _Headers = []
        parts: list[bytes] = []

        async def send_and_copy(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:  # noqa: PLR2004 - only 200 is stored
                # Copy the headers now. The outer middleware later adds headers that are valid for
                # this request only.
                headers.extend(message["headers"])
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, send_and_copy)
        if headers:
            self.responses.store(scope, headers, b"".join(parts))


def _key(scope: Scope, *, public: bool) -> Hashable:
    state = state_of(scope)
    # A session cookie belongs to one user, so the key can contain the cookie instead of the user
    # id.
    user = None if public else (state.claims and state.claims.user_id, state.session_cookie)
    # Use the raw path, because `path` does not distinguish an encoded slash (%2F) from a separator.
    return user, scope.get("raw_path") or scope["path"], scope["query_string"]


def _response_start(response: StoredResponse, headers: _Headers) -> Message | None:
    # This function compares only the common values of Accept and If-None-Match. For other values,
    # and for a repeated header, it returns None: the route parses these headers and responds.
    accept = etag = None
    for name, value in headers:
        if name == b"accept":
            if accept is not None:
                return None
            accept = value
        elif name == b"if-none-match":
            if etag is not None:
                return None
            etag = value
    if accept not in _ACCEPTABLE:
        return None
    if etag is None:
        return {"type": "http.response.start", "status": 200, "headers": list(response.headers)}
    if etag != response.etag:
        return None
    remaining = [header for header in response.headers if header[0] not in _CONTENT_HEADERS]
    return {"type": "http.response.start", "status": 304, "headers": remaining}
