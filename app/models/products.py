"""Products and the currency of their prices."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

CURRENCY: Final = "EUR"
"""The currency of all amounts in the tables (ISO 4217)."""


@dataclass(slots=True)
class Product:
    """A product for sale, with its price and stock."""

    id: int
    sku: str
    name: str
    price: Decimal
    stock: int
    created_at: datetime
    updated_at: datetime
