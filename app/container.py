"""Constructs the database, the adapters and the services of a process, and connects them."""

from contextlib import AsyncExitStack
from datetime import timedelta

from app.adapters.cursors import Cursors
from app.adapters.mail.smtp import SmtpClient
from app.adapters.mail_limit import MailLimit
from app.adapters.oidc.provider import IdentityProvider
from app.adapters.password_check import PasswordCheck
from app.adapters.password_hasher import PasswordHasher
from app.adapters.read_cache.cache import ReadCache
from app.adapters.redis.client import RedisClient
from app.adapters.redis.rate_limiter import RateLimiter
from app.adapters.session_cache import SessionCache
from app.adapters.tokens import AccessTokens
from app.models import SessionLifetime
from app.repositories.database import Database
from app.repositories.postgres.connections import create_engine
from app.repositories.postgres.replica import Replica
from app.services.auth import AuthService
from app.services.emails import EmailService
from app.services.health import HealthService
from app.services.identities import IdentityService
from app.services.jobs import JobService
from app.services.messages import MessageService
from app.services.oidc import OidcService
from app.services.orders import OrderService
from app.services.password_resets import PasswordResetService
from app.services.products import ProductService
from app.services.sessions import SessionService
from app.services.sweeps import SweepService
from app.services.users import UserService
from app.settings import Settings
from app.store import Store

_SESSION_TTL_SECONDS = 0.8
"""How long a process may use a cached session before it reads the session again.

Less than a second, because every process must refuse a session within a second after its end.
"""
_MAX_CACHED_SESSIONS = 10_000


class Container:
    """The objects of one process. `close` closes them when the process ends."""

    def __init__(self, settings: Settings) -> None:
        self.health = HealthService()
        self._database = _database(settings)
        self.health.add("postgres", self._database.state)
        self._passwords = PasswordHasher(
            threads=settings.password_threads, queue=settings.password_queue
        )
        for_cache, for_counts = self._redis = _redis_clients(settings)
        for client in set(self._redis):
            self.health.add("redis", client.state)
        self.rate_limiter = RateLimiter(for_counts, key_prefix=settings.redis_key_prefix)
        self.cache = ReadCache(
            for_cache,
            key_prefix=settings.redis_key_prefix,
            on=settings.cache == "on",
            seconds=settings.cache_lifetime,
        )
        self.tokens = AccessTokens(settings)
        failures = settings.rate_limit_login_failures
        check = PasswordCheck(self._passwords, self.rate_limiter, failures)
        cursors = Cursors(settings)
        session_cache = SessionCache(seconds=_SESSION_TTL_SECONDS, size=_MAX_CACHED_SESSIONS)
        store = Store(self._database, self.cache, session_cache)
        mail_limit = MailLimit(self.rate_limiter, settings.rate_limit_mail)
        self.users = UserService(store, self._passwords, check, mail_limit, cursors)
        self.emails = EmailService(store, check, mail_limit)
        self.password_resets = PasswordResetService(store, self._passwords, check, mail_limit)
        server = settings.smtp_server
        self._mail = SmtpClient(server, settings.smtp_timeout) if server is not None else None
        self.messages = MessageService(
            store,
            self._mail,
            sender=settings.mail_from,
            link_base=settings.link_base,
        )
        self.jobs = JobService(store)
        self.products = ProductService(store, cursors)
        self.orders = OrderService(store, cursors)
        lifetime = SessionLifetime(
            total=timedelta(seconds=settings.session_lifetime),
            idle=timedelta(seconds=settings.session_idle_lifetime),
        )
        self.sweeps = SweepService(store, lifetime)
        self.sessions = SessionService(store, self.tokens, session_cache, cursors, lifetime)
        self.auth = AuthService(store, self._passwords, check, self.tokens, lifetime)
        self._providers = {
            provider.name: IdentityProvider(
                provider, local=settings.environment == "local", seconds=settings.oidc_timeout
            )
            for provider in settings.providers
        }
        self.oidc = OidcService(store, self._providers, check, lifetime)
        self.identities = IdentityService(
            store,
            {provider.issuer: provider.name for provider in settings.providers},
            cursors,
        )

    async def close(self) -> None:
        """Close every object. If closing an object fails, still close the others."""
        async with AsyncExitStack() as closing:
            # The stack closes in reverse order: first the objects that use a connection, then the
            # connection.
            closing.push_async_callback(self._database.close)
            for client in set(self._redis):
                closing.push_async_callback(client.close)
            closing.push_async_callback(self.cache.close)
            for provider in self._providers.values():
                closing.push_async_callback(provider.close)
            if self._mail is not None:
                closing.push_async_callback(self._mail.close)
            closing.callback(self._passwords.close)


def _database(settings: Settings) -> Database:
    primary = create_engine(settings, settings.database_url)
    replica_url = settings.database_replica_url
    if replica_url is None:
        return Database(primary)
    return Database(primary, Replica(create_engine(settings, replica_url), primary))


def _redis_clients(settings: Settings) -> tuple[RedisClient, RedisClient]:
    """Return the Redis clients for the cache, and for the counts of requests and failed logins.

    If the cache and the counts have the same URL, both clients are the same object, so that the
    commands of a request share a round trip.
    """
    for_cache, url = RedisClient(settings), settings.rate_limit_redis_url
    if url is None or url == settings.redis_url:
        return for_cache, for_cache
    return for_cache, RedisClient(settings, url=url)
