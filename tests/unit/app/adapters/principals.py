"""Principals for the tests of the session cache."""

from datetime import UTC, datetime

from app.models import Principal, Role

_NOW = datetime(2026, 11, 22, 15, 30, tzinfo=UTC)


def principal(user_id: int) -> Principal:
    """Return a signed-in user with this id."""
    return Principal(
        user_id=user_id,
        session_id=1,
        role=Role.USER,
        last_used_at=_NOW,
        created_at=_NOW,
        by_cookie=True,
    )
