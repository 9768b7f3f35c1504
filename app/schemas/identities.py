"""The JSON of linked identities."""

from typing import Annotated, Self

from pydantic import Field

from app.models import Identity
from app.schemas.bodies import Page, Row, UtcTime


class IdentityRead(Row):
    """An identity at an identity provider with which the account can be signed in to."""

    provider: Annotated[str, Field(description="the name that the provider has in the paths")]
    linked_at: UtcTime
    last_used_at: Annotated[
        UtcTime | None, Field(description="the last sign-in with it; null if there was none")
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
