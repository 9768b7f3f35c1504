"""Fetching from another server, when what it says decides about the service's own doings.

The rules are those against server-side request forgery (OWASP API7:2023): listed hosts,
https, public addresses, no redirects, and an end to size and time.
"""

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode, urlsplit

import httpcore2
import structlog
from circuitbreaker import CircuitBreaker

from app.adapters.oidc.addresses import GuardedNetwork
from app.errors import ProviderUnavailable

_log = structlog.get_logger()
_LARGEST = 256 * 1024
_FORMS = 10
"""On their way at a time; whoever comes later waits for a place, within its time."""
_FAILURES = 5
_REST = 5
"""Seconds for which a server is left alone after so many failures in a row."""
_SERVER_ERROR = 500
_OWN_NAMES = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Fetched:
    """A response below 500 that is no redirect; the JSON in it, or None if it has none."""

    status: int
    json: object


class Fetcher:
    """Talks to the listed hosts only. Everything that goes wrong is `ProviderUnavailable`."""

    def __init__(self, hosts: Collection[str], *, local: bool, seconds: float) -> None:
        """Take the hosts, the time for one exchange, and whether this machine's own count.

        Only with `local` may a URL lead to this machine, and only there be without TLS.
        """
        self._hosts = frozenset(hosts)
        self._local = local
        self._seconds = seconds
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            max_connections=2 * _FORMS,
            keepalive_expiry=30,
            network_backend=GuardedNetwork(loopback=local),
        )
        self._places = asyncio.Semaphore(_FORMS)
        self._breaker = CircuitBreaker(
            failure_threshold=_FAILURES,
            recovery_timeout=_REST,
            expected_exception=(ProviderUnavailable, asyncio.CancelledError),
        )

    def may_fetch(self, url: str) -> bool:
        """Tell whether a URL is one of those that are allowed."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            return False
        secure = parts.scheme == "https" or (
            parts.scheme == "http" and self._local and host in _OWN_NAMES
        )
        return secure and host in self._hosts and parts.username is None and url.isascii()

    async def get(self, url: str) -> Fetched:
        """Fetch a document. Raises `ProviderUnavailable`."""
        return await self._send("GET", url, {}, b"")

    async def post(
        self, url: str, form: Mapping[str, str], *, authorization: str | None = None
    ) -> Fetched:
        """Send a form. Raises `ProviderUnavailable`."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if authorization is not None:
            headers["Authorization"] = authorization
        # Nothing else paces the forms: each belongs to somebody who is signing in. Those who
        # wait for a place hear at once when those before them have found nobody there.
        try:
            async with asyncio.timeout(self._seconds), self._places:
                if self._breaker.opened:
                    raise ProviderUnavailable
                with self._breaker:
                    return await self._send("POST", url, headers, urlencode(form).encode())
        except TimeoutError as error:
            raise ProviderUnavailable from error

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def _send(
        self, method: Literal["GET", "POST"], url: str, headers: Mapping[str, str], content: bytes
    ) -> Fetched:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._exchange(method, url, headers, content)
        except (_Refused, OSError, TimeoutError, *_NETWORK) as error:
            # The URL stays out of the log, whatever the server has put into it.
            reason = str(error) if isinstance(error, _Refused) else type(error).__name__
            host = urlsplit(url).hostname if self.may_fetch(url) else None
            _log.warning("fetch_failed", host=host, reason=reason)
            raise ProviderUnavailable from error

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> Fetched:
        if not self.may_fetch(url):
            raise _Refused("this URL may not be fetched")
        # What is not compressed is not larger than it looks.
        sent = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        async with self._pool.stream(
            method, url, headers=list(sent.items()), content=content
        ) as response:
            if response.status >= _SERVER_ERROR:
                raise _Refused(f"the server answers {response.status}")
            if response.status // 100 == 3:  # noqa: PLR2004 - the class of redirects
                raise _Refused("redirects are not followed")
            body = b""
            async for part in response.aiter_stream():
                body += part
                if len(body) > _LARGEST:
                    raise _Refused("the response is too large")
        return Fetched(response.status, _json(body))


class _Refused(Exception):
    """What the other server wants is against the rules."""


_NETWORK = (
    httpcore2.NetworkError,
    httpcore2.TimeoutException,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
)


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
