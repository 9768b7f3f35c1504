"""Limits how many messages are requested for one address, and by one account."""

import hashlib

from limits import parse_many

from app.adapters.redis.rate_limiter import RateLimiter
from app.errors import TooManyRequests


class MailLimit:
    """Counts the messages to each address, and those that each account has requested.

    The rate limit of the routes counts a caller with a cookie by address only, so accounts are
    counted here too. Unknown addresses are counted like those of accounts, so that a refusal does
    not show whether an account exists.
    """

    def __init__(self, limiter: RateLimiter, notation: str) -> None:
        """`notation` contains the limits, such as "10/hour"."""
        self._limiter = limiter
        self._limits = parse_many(notation)

    async def count(self, address: str, *, user_id: int | None = None) -> None:
        """Count one message. Call this before the message is added. Raises `TooManyRequests`."""
        # The account first: an account over its limit must not use up the limit of other addresses.
        if user_id is not None:
            await self._hit("mail-of", f"{user_id}")
        # A hash, so that Redis does not contain the addresses.
        await self._hit("mail-to", hashlib.sha256(address.encode()).hexdigest())

    async def _hit(self, name: str, key: str) -> None:
        windows = await self._limiter.hit(self._limits, name, key)
        used_up = [window.reset_after for window in windows if window.exceeded]
        if used_up:
            raise TooManyRequests(retry_after=max(used_up))
