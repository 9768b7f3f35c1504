"""Password hashing with libpass, outside of the event loop and with a bounded queue.

The algorithm is Argon2id with the parameters of OWASP's Password Storage Cheat Sheet: 19 MiB, two
passes, parallelism 1. One hash takes 20 to 40 ms of a core. Threads compute the hashes, so that the
event loop does not wait (the library releases the GIL). A full queue raises `Overloaded`.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from time import perf_counter
from typing import ParamSpec, TypeVar

from passlib.hash import argon2

from app.errors import Overloaded
from app.tracing import set_span_attribute, staged

_P = ParamSpec("_P")
_T = TypeVar("_T")

_ARGON2ID = argon2.using(type="ID", memory_cost=19456, time_cost=2, parallelism=1)


class PasswordHasher:
    """Hashes and verifies passwords. Hold no database connection while you wait for a hash."""

    def __init__(self, *, threads: int, queue: int) -> None:
        """Use up to `threads` threads. At most `queue` jobs run or wait at the same time."""
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._slots = BoundedSemaphore(queue)
        # For users that do not exist or have no password: a hash of a random password, which takes
        # as long to verify as any other hash.
        self._dummy_hash: str = _ARGON2ID.hash(secrets.token_urlsafe())

    @staged("hash")
    async def hash(self, password: str) -> str:
        """Return a new salted hash, as `$argon2id$…`. Raises `Overloaded`."""
        return await self._run(_ARGON2ID.hash, password)

    @staged("hash")
    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Return whether the password matches the hash. Raises `Overloaded`.

        If there is no hash, the result is False, and the check takes the same time.
        """
        matches = await self._run(_ARGON2ID.verify, password, password_hash or self._dummy_hash)
        return matches and password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether the parameters of a hash differ from the current parameters."""
        return bool(_ARGON2ID.needs_update(password_hash))

    def close(self) -> None:
        """Refuse new hashes, and block until the running and the waiting hashes have finished."""
        self._executor.shutdown()

    async def _run(self, job: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        if not self._slots.acquire(blocking=False):
            raise Overloaded
        submitted_at = perf_counter()

        def work() -> tuple[float, _T]:
            waited = perf_counter() - submitted_at
            return waited, job(*args, **kwargs)

        future = self._executor.submit(work)
        # The slot becomes free when the job is done, or was cancelled before it began. If the
        # caller is cancelled while the job runs, the slot stays taken: the thread is still busy.
        future.add_done_callback(lambda _: self._slots.release())
        waited, result = await asyncio.wrap_future(future)
        set_span_attribute("roundtrip.waited_ms", round(waited * 1000, 1))
        return result
