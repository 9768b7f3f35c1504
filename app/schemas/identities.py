"""The JSON of linked identities."""

from typing import Annotated, Self

from pydantic import Field

from app.models import Identity
from app.schemas.bodies import Page, Row, UtcTime


class IdentityRead(Row):
    """A user's identity at an identity provider. The user can sign in with this identity."""

    provider: Annotated[
        str, Field(description="the provider's name, or its issuer if it is no longer configured")
    ]
    linked_at: UtcTime
    last_used_at: Annotated[
        UtcTime | None, Field(description="the last sign-in with this identity; null if none")
    ]

    @classmethod
    def of(cls, identity: Identity, *, provider: str) -> Self:
        """Take the fields of the contract, and no others, from an identity's row."""
        return cls(
            id=identity.id,
            provider=provider,
            linked_at=identity.created_at,
            last_used_at=identity.last_used_at,
        )


class IdentityPage(Page[IdentityRead]):
    """Some of a user's identities, in the order of linking."""
