"""The rate limits. `policies()` defines them, and `RateLimit` applies them.

slowapi parses the notation of limits and reads the client's address. The adapter `RateLimiter`
counts, because slowapi's own counting would block the event loop.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from slowapi.util import get_remote_address
from slowapi.wrappers import Limit, LimitGroup
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.adapters.redis.rate_limiter import RateLimiter, Window, refuse_exceeded
from app.adapters.tokens import Claims
from app.errors import InvalidToken
from app.http.paths import is_direct_health_check
from app.http.request_state import RequestState, state_of
from app.services.sessions import SessionService
from app.settings import Settings
from app.settings.origins import unmapped
from app.task_outcomes import ignore_outcome

_LOOKUP_SECONDS = 0.5
"""How long the rate limit waits for PostgreSQL to confirm that a session is live."""


def policies(settings: Settings) -> dict[str, LimitGroup]:
    """Return the rate limits by name. A route names its limit with `limited_by`."""
    return {
        "signup": _limit(settings.rate_limit_signup, by_address),
        "login": _limit(settings.rate_limit_login, by_address),
        "password": _limit(settings.rate_limit_password, by_user),
        "mail": _limit(settings.rate_limit_mail, by_user),
        "default": _limit(settings.rate_limit_default, by_user),
    }


def by_address(request: Request) -> str:
    """Return the client's address as the key of a count.

    For an IPv6 address, the key is its /64 network, because a client usually has a whole /64.
    Behind a load balancer, uvicorn takes the address from X-Forwarded-For, but only if a trusted
    proxy sent it (`--forwarded-allow-ips`). A header that a client forges has no effect.
    """
    host = get_remote_address(request)
    try:
        address = unmapped(host)
    except ValueError:
        return f"address:{host}"
    if isinstance(address, ipaddress.IPv6Address):
        return f"address:{ipaddress.ip_network((address, 64), strict=False).network_address}"
    return f"address:{address}"


def by_user(request: Request) -> str:
    """Return the key of a count: the user if a token names a live session, else the address.

    A request with a cookie counts by address. Any client can invent cookies, and each invented
    cookie would cost a database query before the request is counted. A client cannot invent a
    token, because a token is signed.
    """
    user_id = state_of(request.scope).user_id
    return by_address(request) if user_id is None else f"user:{user_id}"


def _limit(notation: str, key: Callable[[Request], str]) -> LimitGroup:
    return LimitGroup(
        notation,
        key_function=key,
        scope=None,
        per_method=False,
        methods=None,
        error_message=None,
        exempt_when=None,
        cost=1,
        override_defaults=False,
    )


class RateLimit:
    """Counts each request before its body is read. Raises `TooManyRequests` if a limit is exceeded.

    Health checks and reads of the metrics that come directly to the process are not counted. The
    response has the limits in `RateLimit-Policy` and the remaining requests in `RateLimit`
    (draft-ietf-httpapi-ratelimit-headers-11). A request for a path that does not exist counts
    towards `default`, so guessing paths is limited too. With `count` of the request state, a route
    can count additional requests.
    """

    def __init__(
        self,
        app: ASGIApp,
        limiter: RateLimiter,
        policies: Mapping[str, LimitGroup],
        start_lookup: Callable[[Scope], None],
        sessions: SessionService,
    ) -> None:
        """`start_lookup` runs before the count, so that both share one batch of Redis commands."""
        self.app = app
        self.sessions = sessions
        self.start_lookup = start_lookup
        self.limiter = limiter
        self.policies = {name: _Policy(name, tuple(group)) for name, group in policies.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if no limit is used up."""
        if scope["type"] == "http" and not is_direct_health_check(scope):
            self.start_lookup(scope)
            await self._count_request(scope)
        await self.app(scope, receive, send)

    async def _count_request(self, scope: Scope) -> None:
        state = state_of(scope)
        name = state.path.limit(scope["method"]) if state.path else "default"
        if self.policies[name].key is by_user and state.claims is not None:
            await self._identify(state, state.claims)
        state.count = partial(self._count, scope)
        await self._count(scope, name, 1)

    async def _count(self, scope: Scope, name: str, cost: int) -> None:
        state, policy = state_of(scope), self.policies[name]
        caller = policy.key(Request(scope))
        windows = await self.limiter.hit(policy.items, name, caller, cost=cost)
        state.rate_limits[name] = policy.headers(windows)
        both = zip(*state.rate_limits.values(), strict=True)
        policy_header, remaining_header = (b", ".join(parts) for parts in both)
        state.response_headers[b"ratelimit-policy"] = policy_header
        state.response_headers[b"ratelimit"] = remaining_header
        refuse_exceeded(windows)

    async def _identify(self, state: RequestState, claims: Claims) -> None:
        state.principal = self.sessions.cached_principal(claims, None)
        if state.principal is not None:
            return
        # Not `asyncio.timeout`: it would wait until the query is cancelled, which takes ten seconds
        # if PostgreSQL is frozen.
        lookup = asyncio.create_task(self.sessions.by_token(claims))
        lookup.add_done_callback(ignore_outcome)
        await asyncio.wait({lookup}, timeout=_LOOKUP_SECONDS)
        if not lookup.done():
            lookup.cancel()
            return
        if lookup.exception() is None:
            state.principal = lookup.result()
        elif isinstance(lookup.exception(), InvalidToken):
            # The session has ended, so the route does not need to look for it again.
            state.claims, state.refusal = None, InvalidToken


class _Policy:
    """The limits that share a name, and their headers."""

    def __init__(self, name: str, limits: Sequence[Limit]) -> None:
        self.items = [limit.limit for limit in limits]
        self.key: Callable[[Request], str] = limits[0].key_func
        # The headers need a different name for each limit: signup, signup-2, …
        later = [f"{name}-{number}" for number in range(2, len(limits) + 1)]
        self._names = [name, *later]
        self._policy_header = ", ".join(
            f'"{name}";q={item.amount};w={item.get_expiry()}'
            for name, item in zip(self._names, self.items, strict=True)
        ).encode()

    def headers(self, windows: Sequence[Window]) -> tuple[bytes, bytes]:
        """Return the values of RateLimit-Policy and of RateLimit."""
        remaining = ", ".join(
            f'"{name}";r={window.remaining};t={window.reset_after}'
            for name, window in zip(self._names, windows, strict=True)
        )
        return self._policy_header, remaining.encode()
