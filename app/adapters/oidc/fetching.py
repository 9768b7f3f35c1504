"""HTTP requests to identity providers.

These rules prevent server-side request forgery (OWASP API7:2023): only listed hosts, only https,
only public addresses and listed networks, no redirects, and limits on size and time.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode, urlsplit

import httpcore2
import structlog
from circuitbreaker import CircuitBreaker

from app.adapters.oidc.addresses import GuardedNetwork
from app.errors import ProviderUnavailable
from app.settings import Provider
from app.settings.origins import is_loopback

_log = structlog.get_logger()
_MAX_RESPONSE_BYTES = 256 * 1024
_MAX_TOKEN_REQUESTS = 10
"""The maximum number of concurrent token requests. Others wait for a slot, or time out."""
_MAX_FAILURES = 5
"""After this number of failures in a row, no token request is sent for `_RECOVERY_SECONDS`."""
_RECOVERY_SECONDS = 5
_SERVER_ERROR = 500


@dataclass(frozen=True)
class FetchResponse:
    """A response that is not a redirect, with a status below 500.

    `json` is None if the body is not JSON.
    """

    status: int
    json: object


class Fetcher:
    """Sends requests to the hosts of a provider. Every failure raises `ProviderUnavailable`."""

    def __init__(self, provider: Provider, *, local: bool, seconds: float) -> None:
        """`seconds` is the timeout of one request.

        `local` also allows loopback addresses, and plain http for them.
        """
        self._hosts = provider.hosts
        self._local = local
        self._seconds = seconds
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpcore2.default_ssl_context(),
            max_connections=2 * _MAX_TOKEN_REQUESTS,
            keepalive_expiry=30,
            network_backend=GuardedNetwork(loopback=local, networks=provider.networks),
        )
        self._slots = asyncio.Semaphore(_MAX_TOKEN_REQUESTS)
        self._breaker = CircuitBreaker(
            failure_threshold=_MAX_FAILURES,
            recovery_timeout=_RECOVERY_SECONDS,
            expected_exception=(ProviderUnavailable, asyncio.CancelledError),
        )

    def may_fetch(self, url: str) -> bool:
        """Return whether requests to this URL are allowed."""
        try:
            parts = urlsplit(url)
            # Reading the port raises ValueError if it is not a number below 65536.
            host, _ = parts.hostname, parts.port
        except ValueError:
            return False
        secure = parts.scheme == "https" or (
            parts.scheme == "http" and self._local and is_loopback(host or "")
        )
        return secure and host in self._hosts and parts.username is None and url.isascii()

    async def get(self, url: str) -> FetchResponse:
        """Fetch a document. Raises `ProviderUnavailable`."""
        return await self._send("GET", url, {}, b"")

    async def post(
        self, url: str, form: Mapping[str, str], *, authorization: str | None = None
    ) -> FetchResponse:
        """Send a form. Raises `ProviderUnavailable`.

        First waits until fewer than `_MAX_TOKEN_REQUESTS` forms are being sent. The caller must
        limit the time of this wait.
        """
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if authorization is not None:
            headers["Authorization"] = authorization
        # Each sign-in sends its own form, so `_slots` limits the number of concurrent forms. Check
        # the breaker after the wait for a slot: if the breaker has opened meanwhile, the waiting
        # sign-ins fail at once.
        async with self._slots:
            if self._breaker.opened:
                raise ProviderUnavailable
            with self._breaker:
                return await self._send("POST", url, headers, urlencode(form).encode())

    async def close(self) -> None:
        """Close the connections."""
        await self._pool.aclose()

    async def _send(
        self, method: Literal["GET", "POST"], url: str, headers: Mapping[str, str], content: bytes
    ) -> FetchResponse:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._exchange(method, url, headers, content)
        except (_Refused, OSError, TimeoutError, *_NETWORK_ERRORS) as error:
            # The URL is not logged, because the provider may have put any text into the URL.
            reason = str(error) if isinstance(error, _Refused) else type(error).__name__
            host = urlsplit(url).hostname if self.may_fetch(url) else None
            _log.warning("fetch_failed", host=host, reason=reason)
            raise ProviderUnavailable from error

    async def _exchange(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes
    ) -> FetchResponse:
        if not self.may_fetch(url):
            raise _Refused("this URL is not allowed")
        # Accept no compression: a small body could expand to a large body.
        all_headers = {"Accept": "application/json", "Accept-Encoding": "identity", **headers}
        async with self._pool.stream(
            method, url, headers=list(all_headers.items()), content=content
        ) as response:
            if response.status >= _SERVER_ERROR:
                raise _Refused(f"the server responded with status {response.status}")
            if response.status // 100 == 3:  # noqa: PLR2004 - the class of redirects
                raise _Refused("redirects are not followed")
            body = b""
            async for part in response.aiter_stream():
                body += part
                if len(body) > _MAX_RESPONSE_BYTES:
                    raise _Refused("the response is too large")
        return FetchResponse(response.status, _json(body))


class _Refused(Exception):
    """The URL or the response breaks a rule of this module, or the status is 500 or more."""


_NETWORK_ERRORS = (
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
