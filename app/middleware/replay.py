"""Answers that this process has given before, given again while Redis vouches for them."""

import asyncio
import time
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Final, Literal

from cachetools import TTLCache
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.adapters.redis.client import RedisUnavailable
from app.adapters.redis.read_cache import ReadCache
from app.adapters.tokens import Claims
from app.http.request_state import RequestState, StoredResponse, state_of
from app.models import Principal, Role
from app.tracing import ActiveStage, begin, place_of

_BYTES: Final = 32 * 1024 * 1024
"""What the answers may take in memory, in each process."""
_OVERHEAD: Final = 1024
_SECONDS: Final = 60
"""How long an answer is kept, in case a process ended before it could tell of its change."""
_ACCEPTABLE: Final = {None, b"*/*", b"application/json"}
_DESCRIPTIONS: Final = {b"content-type", b"content-length"}
_Headers = list[tuple[bytes, bytes]]
_Known = Callable[[Claims | None, str | None], Principal | None]


class Replays:
    """Remembers cached reads whole, by who asked for what.

    A route that has read through the cache sets `cached` of the request state. Its response is
    stored with the generation of its tag, and is current as long as Redis has the same
    generation: after a change by any process, no older response is sent again.
    """

    def __init__(
        self, cache: ReadCache, known: _Known, *, timer: Callable[[], float] = time.monotonic
    ) -> None:
        """`known` says who asks, by token or by cookie, if that was looked up a moment ago."""
        self._cache = cache
        self._known = known
        self._answers: TTLCache[Hashable, StoredResponse] = TTLCache(
            _BYTES, _SECONDS, timer=timer, getsizeof=lambda answer: len(answer.body) + _OVERHEAD
        )

    def look_up(self, scope: Scope) -> None:
        """Look for an answer, and ask Redis about it, together with what else is asked there."""
        if scope["method"] == "GET":
            answer = self._answers.get(_key(scope, public=True))
            answer = answer or self._answers.get(_key(scope, public=False))
            if answer is not None:
                state_of(scope).stored = answer, self._ask(answer)

    def _ask(self, answer: StoredResponse) -> asyncio.Future[Any]:
        stage = begin("cache", "cache", place_of(Replays.find))
        if stage is None:
            return self._cache.generation(answer.tag)
        with stage.inside():
            asked = self._cache.generation(answer.tag)
        # Whether or not anybody is there any more: the limit may have refused them meanwhile.
        asked.add_done_callback(partial(_end, stage, answer))
        return asked

    async def find(self, scope: Scope) -> StoredResponse | None:
        """Return the response that was looked up, if it is current and its user may see it."""
        state = state_of(scope)
        if state.stored is None:
            return None
        answer, generation = state.stored
        if await generation != answer.generation:
            return None
        if answer.role is None or answer.role == self._role(state):
            return answer
        return None

    def _role(self, state: RequestState) -> Role | None:
        # A session that this process does not know is looked up by the route, under its deadline.
        principal = self._known(state.claims, state.session_cookie)
        if principal is None:
            return None
        state.user_id = principal.user_id
        return principal.role

    def remember(self, scope: Scope, headers: _Headers, body: bytes) -> None:
        """Keep an answer that was just given, if it can be given again."""
        state = state_of(scope)
        cached = state.cached
        if cached is None or cached.generation is None or len(body) + _OVERHEAD > _BYTES:
            return
        sent = dict(headers)
        # The role with which the route let the user in: it may have changed meanwhile.
        role = None if state.is_public else state.role
        if state.is_public or role is not None:
            kept = list({**sent, b"x-cache": b"hit"}.items())
            self._answers[_key(scope, public=state.is_public)] = StoredResponse(
                cached.tag, cached.generation, role, kept, sent[b"etag"], body
            )


def _end(stage: ActiveStage, answer: StoredResponse, asked: "asyncio.Future[Any]") -> None:
    if asked.cancelled():
        # Whoever asked has been given up meanwhile, and nobody knows what Redis would have said.
        stage.end(asyncio.CancelledError())
        return
    stage.set_attribute("roundtrip.cache", _outcome(answer, asked.result()))
    stage.end()


def _outcome(
    answer: StoredResponse, generation: bytes | RedisUnavailable | None
) -> Literal["hit", "miss", "bypass"]:
    if isinstance(generation, RedisUnavailable):
        return "bypass"
    return "hit" if generation == answer.generation else "miss"


class Replay:
    """Sends a remembered answer in place of asking further in."""

    def __init__(self, app: ASGIApp, replays: Replays) -> None:
        self.app = app
        self.replays = replays

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on unless its answer is known."""
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        answer = await self.replays.find(scope)
        start = _fitting(answer, scope["headers"]) if answer is not None else None
        if answer is None or start is None:
            await self._pass_on(scope, receive, send)
            return
        await send(start)
        body = answer.body if start["status"] == 200 else b""  # noqa: PLR2004 - or 304, without
        await send({"type": "http.response.body", "body": body})

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: _Headers = []
        parts: list[bytes] = []

        async def send_and_keep(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:  # noqa: PLR2004 - the one that is cached
                # Before others add headers that belong to this one request.
                headers.extend(message["headers"])
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, send_and_keep)
        if headers:
            self.replays.remember(scope, headers, b"".join(parts))


def _key(scope: Scope, *, public: bool) -> Hashable:
    state = state_of(scope)
    # A cookie identifies its user as well as an id does: it never belongs to another user.
    asker = None if public else (state.claims and state.claims.user_id, state.session_cookie)
    # The path as it was sent: in `path` an encoded slash (%2F) is the same as a separator.
    return asker, scope.get("raw_path") or scope["path"], scope["query_string"]


def _fitting(answer: StoredResponse, headers: _Headers) -> Message | None:
    # What a simple request wants is clear at a glance; any other is for the route itself.
    sent = dict(headers)
    if sent.get(b"accept") not in _ACCEPTABLE:
        return None
    known = sent.get(b"if-none-match")
    if known is None:
        return {"type": "http.response.start", "status": 200, "headers": list(answer.headers)}
    if known != answer.etag:
        return None
    kept = [header for header in answer.headers if header[0] not in _DESCRIPTIONS]
    return {"type": "http.response.start", "status": 304, "headers": kept}
