"""Messages to users and their links, as rows. `add` also inserts the job that sends the message."""

from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, delete, insert, or_, select, text, update

from app.models import Message, MessageKind
from app.models.jobs import MAIL_QUEUE, SEND_MESSAGE
from app.models.messages import LINK_LIFETIMES
from app.repositories.postgres.bulk_deletions import batch_deletion
from app.repositories.postgres.executor import Executor
from app.repositories.postgres.statements import Statement, columns_of, parameters
from app.repositories.tables import LINKS, MESSAGES
from app.tracing import producing

_COLUMNS: Final = columns_of(MESSAGES, Message)
_HAS_ID: Final = MESSAGES.c.id == bindparam("message_id")
_OF_USER: Final = MESSAGES.c.user_id == bindparam("user_id")

# One statement inserts the message and its job, so that they cost one round trip. The function of
# Procrastinate inserts the job in this transaction: both are inserted, or none.
# PostgreSQL runs `replaced` before the insertion, because the insertion reads the result of
# `replaced`.
_ADD: Final = Statement(
    text("""
WITH replaced AS (
    DELETE FROM messages
    WHERE user_id = CAST(:user_id AS bigint) AND kind = :kind AND CAST(:replaces AS boolean)
    RETURNING id
), message AS (
    INSERT INTO messages (user_id, kind, address, provider)
    SELECT CAST(:user_id AS bigint), :kind, :address, :provider
    FROM (SELECT count(*) FROM replaced) AS earlier
    RETURNING id
)
SELECT procrastinate_defer_jobs_v1(ARRAY[CAST(ROW(
    :queue, :task, 0, NULL, NULL,
    jsonb_build_object(
        'message_id', id,
        'traceparent', CAST(:traceparent AS text),
        'added_at', extract(epoch FROM clock_timestamp())
    ), NULL
) AS procrastinate_job_to_defer_v1)])
FROM message
"""),
    list[int],
    changes="INSERT messages",
)
_LOCKED: Final = Statement(
    select(*_COLUMNS).where(_HAS_ID).with_for_update(key_share=True), Message
)
_ADD_LINK: Final = Statement(
    insert(LINKS).values(parameters(LINKS, "token_hash", "message_id", "expires_at")), tuple
)
_BY_TOKEN: Final = Statement(
    select(*_COLUMNS)
    .join(LINKS, LINKS.c.message_id == MESSAGES.c.id)
    .where(LINKS.c.token_hash == bindparam("token_hash"), LINKS.c.expires_at > bindparam("now")),
    Message,
)
_MARK_SENT: Final = Statement(
    update(MESSAGES).where(_HAS_ID).values(sent_at=bindparam("now"), failure=None), tuple
)
_NOTE_FAILURE: Final = Statement(
    update(MESSAGES).where(_HAS_ID).values(parameters(MESSAGES, "failure")), tuple
)
_REMOVE: Final = Statement(delete(MESSAGES).where(_HAS_ID), tuple)
# Not `in_`: SQLAlchemy expands `in_` at each execution, but a `Statement` is compiled only once.
_REMOVE_WITH_LINKS: Final = Statement(
    delete(MESSAGES).where(_OF_USER, or_(*(MESSAGES.c.kind == kind for kind in LINK_LIFETIMES))),
    tuple,
)
_REMOVE_ALL: Final = Statement(delete(MESSAGES).where(_OF_USER), tuple)
_CLEAR: Final = batch_deletion(
    MESSAGES,
    or_(
        MESSAGES.c.sent_at <= bindparam("sent_until"),
        MESSAGES.c.created_at <= bindparam("created_until"),
    ),
)


class MessageRepository:
    """Stores messages. A user has at most one message of each kind with a link."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def add(
        self,
        kind: MessageKind,
        *,
        user_id: int | None,
        address: str | None,
        provider: str | None = None,
    ) -> None:
        """Insert a message to an address of a user, and the job that sends it.

        If the transaction is rolled back, neither is inserted. A new message with a link replaces
        the user's earlier message of the same kind, so that the earlier link stops working.
        Without a user and an address, the message and the job are still inserted, but the job sends
        nothing.
        """
        with producing(MAIL_QUEUE, SEND_MESSAGE) as traceparent:
            await self._executor.fetch_row(
                _ADD,
                user_id=user_id,
                kind=kind.value,
                address=address,
                provider=provider,
                replaces=kind in LINK_LIFETIMES,
                queue=MAIL_QUEUE,
                task=SEND_MESSAGE,
                traceparent=traceparent,
            )

    async def get_for_update(self, message_id: int) -> Message | None:
        """Find a message by id and lock it until the transaction ends."""
        return await self._executor.fetch_one(_LOCKED, message_id=message_id)

    async def add_link(self, message_id: int, token_hash: bytes, *, expires_at: datetime) -> None:
        """Insert the hash of a link's token. The message must be locked.

        A message that is sent twice has two links. Both links work until one of them is used.
        """
        await self._executor.execute(
            _ADD_LINK, token_hash=token_hash, message_id=message_id, expires_at=expires_at
        )

    async def get_by_token(self, token_hash: bytes, *, now: datetime) -> Message | None:
        """Find the message with this link, unless the link has expired."""
        return await self._executor.fetch_one(_BY_TOKEN, token_hash=token_hash, now=now)

    async def mark_sent(self, message_id: int, *, now: datetime) -> None:
        """Record that the message was sent."""
        await self._executor.execute(_MARK_SENT, message_id=message_id, now=now)

    async def note_failure(self, message_id: int, reason: str) -> None:
        """Record why the message could not be sent, for operators."""
        await self._executor.execute(_NOTE_FAILURE, message_id=message_id, failure=reason)

    async def remove(self, message_id: int) -> bool:
        """Delete a message and its links. Return whether the message existed."""
        return bool(await self._executor.execute(_REMOVE, message_id=message_id))

    async def remove_with_links(self, user_id: int) -> None:
        """Delete a user's messages with a link, sent and unsent. The links stop working."""
        await self._executor.execute(_REMOVE_WITH_LINKS, user_id=user_id)

    async def remove_all(self, user_id: int) -> None:
        """Delete every message of a user. Messages that were not sent yet are not sent any more."""
        await self._executor.execute(_REMOVE_ALL, user_id=user_id)

    async def clear(self, *, sent_until: datetime, created_until: datetime, limit: int) -> int:
        """Delete up to `limit` old messages, and return their number.

        A message is old if it was sent at `sent_until` or earlier, or created at `created_until` or
        earlier.
        """
        return await self._executor.execute(
            _CLEAR, sent_until=sent_until, created_until=created_until, limit=limit
        )
