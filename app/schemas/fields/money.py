"""Money in JSON: an exact decimal string with two places, never a float."""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

Currency = Literal["EUR"]
CURRENCY: Final[Currency] = "EUR"
"""The currency of all amounts in the tables (ISO 4217)."""
_AMOUNT = r"^(0|[1-9][0-9]{0,%d})\.[0-9]{2}$"


class Money(BaseModel):
    """An amount in the shop's currency."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    amount: Annotated[str, Field(pattern=_AMOUNT % 14, examples=["12.50"])]
    currency: Currency

    @classmethod
    def of(cls, amount: Decimal) -> "Money":
        """Convert an amount from the tables."""
        return cls(amount=f"{amount:.2f}", currency=CURRENCY)


class Price(Money):
    """The price of one piece, below 10,000,000,000."""

    amount: Annotated[str, Field(pattern=_AMOUNT % 9, examples=["12.50"])]

    def exact(self) -> Decimal:
        """Convert the amount for the tables."""
        return Decimal(self.amount)
