"""Limits the failed logins of each account. RATE_LIMIT_LOGIN limits the logins of an IP address."""

import hashlib

from limits import parse_many

from app.adapters.redis.rate_limiter import RateLimiter, refuse_exceeded
from app.errors import TooManyFailures


class FailedLogins:
    """Counts how many logins in a row have failed for an account, from all IP addresses.

    Attempts from a session of the same account have their own count, so that other people cannot
    lock the owner out. Logins to accounts that do not exist are counted too, so that a refusal does
    not show whether an account exists.
    """

    def __init__(self, limiter: RateLimiter, notation: str) -> None:
        """`notation` contains the limits, such as "10/hour"."""
        self._limiter = limiter
        self._limits = parse_many(notation)

    async def count(self, email: str, *, by_owner: bool) -> None:
        """Count one attempt. Raises `TooManyFailures`.

        Call this before the attempt. Otherwise, too many concurrent attempts could begin.
        """
        windows = await self._limiter.hit(self._limits, *_key(email, by_owner=by_owner))
        refuse_exceeded(windows, TooManyFailures)

    async def reset(self, email: str, *, by_owner: bool) -> None:
        """Reset the count after a successful attempt."""
        await self._limiter.clear(self._limits, *_key(email, by_owner=by_owner))


def _key(email: str, *, by_owner: bool) -> tuple[str, str]:
    # Use a hash, so that Redis does not contain email addresses.
    digest = hashlib.sha256(email.encode()).hexdigest()
    return ("login-failures-of-owner" if by_owner else "login-failures", digest)
