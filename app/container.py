"""The only wiring: builds every collaborator once and joins them by plain constructors."""

from contextlib import AsyncExitStack
from datetime import timedelta

from app.adapters.cursors import Cursors
from app.adapters.login_throttle import LoginThrottle
from app.adapters.oidc.provider import IdentityProvider
from app.adapters.password_check import PasswordCheck
from app.adapters.passwords import PasswordHasher
from app.adapters.redis.client import RedisClient
from app.adapters.redis.rate_limiter import RateLimiter
from app.adapters.redis.read_cache import ReadCache
from app.adapters.session_cache import SessionCache
from app.adapters.tokens import AccessTokens
from app.models import Principal
from app.repositories.database import Database, create_engine
from app.services.auth import AuthService
from app.services.health import HealthService
from app.services.identities import IdentityService
from app.services.oidc import OidcService
from app.services.orders import OrderService
from app.services.products import ProductService
from app.services.sessions import SessionService
from app.services.users import UserService
from app.settings import Settings
from app.store import Store

_REMEMBERED = 0.8
"""Seconds; below the one after which an ended session is refused everywhere."""
_MOST_REMEMBERED = 10_000


class Container:
    """What one process works with, from its start to `close()`."""

    def __init__(self, settings: Settings) -> None:
        self._database = Database(create_engine(settings))
        self._passwords = PasswordHasher(
            threads=settings.password_threads, queue=settings.password_queue
        )
        cached, counted = self._redis = _redis_links(settings)
        self.rate_limiter = RateLimiter(counted, key_prefix=settings.redis_key_prefix)
        self.cache = ReadCache(
            cached, key_prefix=settings.redis_key_prefix, on=settings.cache == "on"
        )
        tokens = AccessTokens(settings)
        throttle = LoginThrottle(self.rate_limiter, settings.rate_limit_login_failures)
        check = PasswordCheck(self._passwords, throttle)
        cursors = Cursors(settings)
        signed_in = SessionCache[Principal](
            seconds=_REMEMBERED, size=_MOST_REMEMBERED, owner=lambda principal: principal.user_id
        )
        store = Store(self._database, self.cache)
        self.users = UserService(store, self._passwords, check, signed_in, cursors)
        self.products = ProductService(store, cursors)
        self.orders = OrderService(store, cursors)
        self.sessions = SessionService(
            store,
            tokens,
            signed_in,
            cursors,
            idle=timedelta(seconds=settings.session_idle_lifetime),
        )
        self.auth = AuthService(
            store,
            self._passwords,
            check,
            tokens,
            signed_in,
            session_lifetime=timedelta(seconds=settings.session_lifetime),
        )
        self._providers = {
            provider.name: IdentityProvider(
                provider, local=settings.environment == "local", seconds=settings.oidc_timeout
            )
            for provider in settings.providers
        }
        self.oidc = OidcService(
            store,
            self._providers,
            check,
            signed_in,
            public_url=settings.public_url,
            session_lifetime=timedelta(seconds=settings.session_lifetime),
            session_idle=timedelta(seconds=settings.session_idle_lifetime),
        )
        self.identities = IdentityService(
            store,
            {provider.issuer: provider.name for provider in settings.providers},
            cursors,
        )
        self.health = HealthService(self._database, set(self._redis))

    async def close(self) -> None:
        """Close everything, also after one close has failed."""
        async with AsyncExitStack() as closing:
            # The stack closes in reverse order: first what uses a connection, then the connection.
            closing.push_async_callback(self._database.close)
            for link in set(self._redis):
                closing.push_async_callback(link.close)
            closing.push_async_callback(self.cache.close)
            for provider in self._providers.values():
                closing.push_async_callback(provider.close)
            closing.callback(self._passwords.close)


def _redis_links(settings: Settings) -> tuple[RedisClient, RedisClient]:
    """Return the ways to what is cached and to what is counted.

    To one server they are the same, so that what a request asks of it takes one round trip.
    """
    cached, url = RedisClient(settings), settings.rate_limit_redis_url
    if url is None or url == settings.redis_url:
        return cached, cached
    return cached, RedisClient(settings, url=url)
