"""Limits how many messages are requested for one email address, and by one account."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from limits import parse_many

from app.adapters.redis.rate_limiter import RateLimiter, refuse_exceeded


class MailLimit:
    """Counts the messages to each email address, and the messages that each account has requested.

    Accounts are counted because the rate limit of the routes counts a request with a cookie by its
    IP address, and one account can use many IP addresses. Messages to unknown email addresses are
    counted too, so that a refusal does not show whether an account exists.
    """

    def __init__(self, limiter: RateLimiter, notation: str) -> None:
        """`notation` contains the limits, such as "10/hour"."""
        self._limiter = limiter
        self._limits = parse_many(notation)

    @asynccontextmanager
    async def counting(self, address: str) -> AsyncIterator[None]:
        """Count one message to an address. If the block raises an error, undo the count.

        A request that fails must not use up the limit of another person's address. If a limit is
        already used up, the method raises `TooManyRequests`, and the block does not run.
        """
        # Use a hash, so that Redis does not contain email addresses.
        caller = "mail-to", hashlib.sha256(address.encode()).hexdigest()
        await self._hit(*caller)
        try:
            yield
        except BaseException:
            await self._limiter.take_back(self._limits, *caller)
            raise

    async def count_account(self, user_id: int) -> None:
        """Count one message that an account has requested. Raises `TooManyRequests`."""
        await self._hit("mail-of", f"{user_id}")

    async def _hit(self, name: str, key: str) -> None:
        refuse_exceeded(await self._limiter.hit(self._limits, name, key))
