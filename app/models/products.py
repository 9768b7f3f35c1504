"""What is for sale."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

CURRENCY: Final = "EUR"
"""This shop's one currency (ISO 4217); amounts in the tables are in it."""


@dataclass(slots=True)
class Product:
    """Something for sale, at a price, as often as it is in stock."""

    id: int
    sku: str
    name: str
    price: Decimal
    stock: int
    created_at: datetime
    updated_at: datetime
