"""The currency of the shop."""

from typing import Final, Literal

Currency = Literal["EUR"]
CURRENCY: Final[Currency] = "EUR"
"""The currency of all amounts in the tables (ISO 4217)."""
