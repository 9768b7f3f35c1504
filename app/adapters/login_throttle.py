"""Guessing passwords has an end, for each account as for each address."""

import hashlib

from limits import parse_many

from app.adapters.redis.rate_limiter import RateLimiter
from app.errors import TooManyFailures


class LoginThrottle:
    """Counts an account's failed logins in a row, from wherever they come.

    Whoever signs in from a session of that very account is counted apart: strangers, however
    many, cannot lock the owner out. Unknown accounts are counted like known ones, so that a
    refusal tells nothing.
    """

    def __init__(self, limiter: RateLimiter, notation: str) -> None:
        """Take the limits in slowapi's notation."""
        self._limiter = limiter
        self._limits = parse_many(notation)

    async def count(self, email: str, *, by_owner: bool) -> None:
        """Count one more try, before it is made: many at once are as many as one after another.

        Raises `TooManyFailures`.
        """
        windows = await self._limiter.hit(self._limits, *_key(email, by_owner=by_owner))
        used_up = [window.reset_after for window in windows if window.exceeded]
        if used_up:
            raise TooManyFailures(retry_after=max(used_up))

    async def reset(self, email: str, *, by_owner: bool) -> None:
        """Begin anew: the last try was a success."""
        await self._limiter.clear(self._limits, *_key(email, by_owner=by_owner))


def _key(email: str, *, by_owner: bool) -> tuple[str, str]:
    # Redis need not know who has an account here.
    digest = hashlib.sha256(email.encode()).hexdigest()
    return ("login-failures-of-owner" if by_owner else "login-failures", digest)
