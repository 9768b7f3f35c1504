"""The rate limits: who may ask how often. The policy is `policies()`, the rest applies it.

slowapi gives the notation, the limits and the address; the counting is the limiter's,
because slowapi's own would hold up the event loop.
"""

import asyncio
import ipaddress
from collections.abc import Callable, Mapping, Sequence

from slowapi.util import get_remote_address
from slowapi.wrappers import Limit, LimitGroup
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.adapters.redis.rate_limiter import RateLimiter, Window
from app.adapters.tokens import Claims
from app.errors import InvalidToken, TooManyRequests
from app.http.request_state import RequestState, state_of
from app.services.sessions import SessionService
from app.settings import Settings

_LOOKUP_SECONDS = 0.5
"""How long the rate limit waits for the database to say whether a session is live."""


def policies(settings: Settings) -> dict[str, LimitGroup]:
    """Return each limit by the name under which routers refer to it."""
    return {
        "signup": _limit(settings.rate_limit_signup, by_address),
        "login": _limit(settings.rate_limit_login, by_address),
        "password": _limit(settings.rate_limit_password, by_user),
        "default": _limit(settings.rate_limit_default, by_user),
    }


def by_address(request: Request) -> str:
    """Key by address; by its /64 for IPv6, since whoever has one address there has them all.

    Behind a load balancer the address is the client's only because uvicorn is told which
    proxies to believe (`--forwarded-allow-ips`); a forged X-Forwarded-For changes nothing.
    """
    host = get_remote_address(request)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return f"address:{host}"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return f"address:{ipaddress.ip_network((address, 64), strict=False).network_address}"
    return f"address:{getattr(address, 'ipv4_mapped', None) or address}"


def by_user(request: Request) -> str:
    """Key by the user in whose live session a token is; by address otherwise.

    A cookie is counted by address: anyone can make one up, and each would be looked up in the
    database before it is counted. A token has a signature.
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
    """Counts each request before its body is read, and refuses it when a limit is used up.

    The response says where the caller stands, in `RateLimit-Policy` and `RateLimit`
    (draft-ietf-httpapi-ratelimit-headers-11). A path that does not exist counts towards
    `default`, so that guessing paths has an end too.
    """

    def __init__(
        self,
        app: ASGIApp,
        limiter: RateLimiter,
        policies: Mapping[str, LimitGroup],
        meanwhile: Callable[[Scope], None],
        sessions: SessionService,
    ) -> None:
        """`meanwhile` is called first: what it asks of Redis takes no round trip of its own."""
        self.app = app
        self.sessions = sessions
        self.meanwhile = meanwhile
        self.limiter = limiter
        self.policies = {name: _Policy(name, tuple(group)) for name, group in policies.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its caller may ask once more."""
        if scope["type"] == "http" and not _is_probe(scope):
            self.meanwhile(scope)
            await self._count(scope)
        await self.app(scope, receive, send)

    async def _count(self, scope: Scope) -> None:
        state = state_of(scope)
        name = state.path.limit(scope["method"]) if state.path else "default"
        policy = self.policies[name]
        if policy.key is by_user and state.claims is not None:
            await self._identify(state, state.claims)
        windows = await self.limiter.hit(policy.items, policy.name, policy.key(Request(scope)))
        state.response_headers.update(policy.headers(windows))
        used_up = [window.reset_after for window in windows if window.exceeded]
        if used_up:
            raise TooManyRequests(retry_after=max(used_up))

    async def _identify(self, state: RequestState, claims: Claims) -> None:
        known = self.sessions.cached_principal(claims, None)
        if known is not None:
            state.user_id = known.user_id
            return
        # Not `asyncio.timeout`: a query on a frozen PostgreSQL takes ten seconds to be cancelled.
        looking = asyncio.create_task(self.sessions.by_token(claims))
        looking.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.wait({looking}, timeout=_LOOKUP_SECONDS)
        if not looking.done():
            looking.cancel()
            return
        if looking.exception() is None:
            state.user_id = looking.result().user_id
        elif isinstance(looking.exception(), InvalidToken):
            # The session has ended. The route need not look for it again.
            state.claims, state.refusal = None, InvalidToken


class _Policy:
    """The limits that go by one name, and how they stand in the headers."""

    def __init__(self, name: str, limits: Sequence[Limit]) -> None:
        self.name = name
        self.items = [limit.limit for limit in limits]
        self.key: Callable[[Request], str] = limits[0].key_func
        # Several limits of one policy need names of their own: signup, signup-2, …
        later = [f"{name}-{number}" for number in range(2, len(limits) + 1)]
        self._names = [name, *later]
        self._described = ", ".join(
            f'"{name}";q={item.amount};w={item.get_expiry()}'
            for name, item in zip(self._names, self.items, strict=True)
        ).encode()

    def headers(self, windows: Sequence[Window]) -> dict[bytes, bytes]:
        standing = ", ".join(
            f'"{name}";r={window.remaining};t={window.reset_after}'
            for name, window in zip(self._names, windows, strict=True)
        )
        return {b"ratelimit-policy": self._described, b"ratelimit": standing.encode()}


def _is_probe(scope: Scope) -> bool:
    # An orchestrator's question comes straight to the process; through the load balancer
    # (which says for whom it asks) health checks are limited like all else.
    path = state_of(scope).path
    is_probe = path is not None and path.template in {"/livez", "/readyz", "/metrics"}
    return is_probe and "x-forwarded-for" not in Headers(scope=scope)
