"""The JSON of sessions."""

from typing import Annotated, Self

from pydantic import Field

from app.models import Session
from app.schemas.bodies import Page, Row, UtcTime


class SessionRead(Row):
    """A session that has not ended."""

    created_at: UtcTime
    last_used_at: Annotated[UtcTime, Field(description="accurate to the minute")]
    user_agent: Annotated[str | None, Field(description="the User-Agent header of the sign-in")]
    current: Annotated[bool, Field(description="whether this request belongs to this session")]

    @classmethod
    def of(cls, session: Session, *, current: bool) -> Self:
        """Take the fields of the contract, and no others, from a session's row."""
        return cls(
            id=session.id,
            created_at=session.created_at,
            last_used_at=session.last_used_at,
            user_agent=session.user_agent,
            current=current,
        )


class SessionPage(Page[SessionRead]):
    """Some of a user's sessions, newest first."""
