"""The stored responses of idempotent requests, as rows."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, String, bindparam, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from app.errors import IdempotencyInFlight
from app.models import IdempotencyKey
from app.repositories.postgres.bulk_deletions import batch_deletion
from app.repositories.postgres.executor import Executor
from app.repositories.postgres.statements import Statement, columns_of, parameters
from app.repositories.tables import IDEMPOTENCY_KEYS as KEYS

_NOW: Final[BindParameter[Any]] = bindparam("now")


class _Claim(NamedTuple):
    succeeded: bool
    earlier: IdempotencyKey | None


def _claim(succeeded: bool, user_id: int | None, *columns: Any) -> _Claim:  # noqa: ANN401, FBT001 - the columns of a row, in their order
    return _Claim(succeeded, IdempotencyKey(user_id, *columns) if user_id is not None else None)


_LOCK: Final = select(
    func.pg_try_advisory_xact_lock(
        func.hashtextextended(bindparam("lock", type_=String), literal(0))
    ).label("succeeded")
).subquery("claim")
_CLAIM: Final = Statement(
    select(_LOCK.c.succeeded, *columns_of(KEYS, IdempotencyKey)).select_from(
        _LOCK.outerjoin(
            KEYS,
            (KEYS.c.user_id == bindparam("user_id"))
            & (KEYS.c.route == bindparam("route"))
            & (KEYS.c.key == bindparam("key"))
            & (KEYS.c.expires_at > _NOW),
        )
    ),
    _claim,
)
_RESPONSE: Final = parameters(KEYS, "request_hash", "location", "body", "expires_at")
_VALUES: Final = {**parameters(KEYS, "user_id", "route", "key"), **_RESPONSE}
# If a worker has not yet deleted an expired row with this key, the new row replaces that row.
_ADD: Final = Statement(
    insert(KEYS)
    .values(_VALUES)
    .on_conflict_do_update(
        constraint="pk_idempotency_keys", set_=_RESPONSE, where=KEYS.c.expires_at <= _NOW
    )
    .returning(KEYS.c.key),
    str,
)
_CLEAR_EXPIRED: Final = batch_deletion(KEYS, KEYS.c.expires_at <= _NOW)


class IdempotencyRepository:
    """Stores the responses of requests with an Idempotency-Key."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def claim(
        self, user_id: int, route: str, key: str, *, now: datetime
    ) -> IdempotencyKey | None:
        """Lock a key until the transaction ends, and return the stored response if there is one.

        The lock is an advisory lock. If another transaction holds the lock, `claim` does not wait.
        Raises `IdempotencyInFlight` if it gets neither the lock nor a stored response.
        """
        claim = await self._executor.fetch_row(
            _CLAIM, lock=f"{user_id} {route} {key}", user_id=user_id, route=route, key=key, now=now
        )
        if claim.earlier is None and not claim.succeeded:
            raise IdempotencyInFlight
        return claim.earlier

    async def add(self, response: IdempotencyKey, *, now: datetime) -> None:
        """Store a response, in the same transaction as the change that the response reports.

        Raises `IdempotencyInFlight` if another request with the key has stored a response that
        `claim` has not seen. The statement of `claim` takes its snapshot first, and then the lock.
        If the other transaction commits between these steps, `claim` gets the lock, but does not
        see the stored response. The client's next request gets this response.
        """
        if await self._executor.fetch_one(_ADD, **asdict(response), now=now) is None:
            raise IdempotencyInFlight

    async def clear_expired(self, *, now: datetime, limit: int) -> int:
        """Delete up to `limit` expired responses, and return their number."""
        return await self._executor.execute(_CLEAR_EXPIRED, now=now, limit=limit)
