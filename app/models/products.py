"""Products."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


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
