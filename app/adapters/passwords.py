"""Password hashing by libpass, away from the event loop and never more than can be done.

Argon2id with the parameters of OWASP's Password Storage sheet: 19 MiB, two passes, one
lane. One hash keeps a core busy for some 40 ms, so the work goes to threads of its own
(the library releases the GIL) behind a queue that says when it is full.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from time import perf_counter
from typing import ParamSpec, TypeVar

from passlib.hash import argon2

from app.errors import Overloaded
from app.tracing import note, staged

_P = ParamSpec("_P")
_T = TypeVar("_T")

_ARGON2ID = argon2.using(type="ID", memory_cost=19456, time_cost=2, parallelism=1)


class PasswordHasher:
    """Hashes and verifies. Hold no database connection while you wait for it."""

    def __init__(self, *, threads: int, queue: int) -> None:
        """Start with `threads` workers; at most `queue` jobs run or wait at a time."""
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._places = BoundedSemaphore(queue)
        # What the password of an unknown user is held against: a hash that takes as long
        # to verify as any other, of a password that nobody knows.
        self._decoy: str = _ARGON2ID.hash(secrets.token_urlsafe())

    @staged("hash")
    async def hash(self, password: str) -> str:
        """Return a new salted hash, as `$argon2id$…`. Raises `Overloaded`."""
        return await self._run(_ARGON2ID.hash, password)

    @staged("hash")
    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Compare, in the same time whether there is a hash or not. Raises `Overloaded`."""
        matches = await self._run(_ARGON2ID.verify, password, password_hash or self._decoy)
        return matches and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Tell whether a hash was made with other parameters than today's."""
        return bool(_ARGON2ID.needs_update(password_hash))

    def close(self) -> None:
        """Let running hashes finish and refuse new ones."""
        self._executor.shutdown()

    async def _run(self, job: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        if not self._places.acquire(blocking=False):
            raise Overloaded
        asked = perf_counter()

        def work() -> tuple[float, _T]:
            waited = perf_counter() - asked
            return waited, job(*args, **kwargs)

        future = self._executor.submit(work)
        # The place is free when the job is done or was cancelled before it began, not
        # when its caller stops waiting: a thread that hashes for nobody is still busy.
        future.add_done_callback(self._leave)
        waited, result = await asyncio.wrap_future(future)
        note("roundtrip.waited_ms", round(waited * 1000, 1))
        return result

    def _leave(self, _: "Future[tuple[float, _T]]") -> None:
        self._places.release()
