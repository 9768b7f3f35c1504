"""The JSON of products."""

from typing import Annotated, Self

from pydantic import Field

from app.models import Product
from app.schemas.bodies import Page, RequestBody, Row, UtcTime, with_example
from app.schemas.fields.money import CURRENCY, Money, Price
from app.schemas.fields.names import Name

Sku = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        description="stock keeping unit: letters, digits, dots, dashes and underscores",
    ),
]
# This limit is far below the maximum of the column. So the stock stays below that maximum when
# cancelled orders return their pieces.
Stock = Annotated[int, Field(ge=0, le=1_000_000_000)]


class ProductCreate(RequestBody):
    """A new product."""

    model_config = with_example(
        {
            "sku": "kettle-1",
            "name": "Kettle",
            "price": {"amount": "24.90", "currency": CURRENCY},
            "stock": 100,
        }
    )

    sku: Sku
    name: Name
    price: Price
    stock: Stock


class ProductUpdate(RequestBody):
    """The changes to a product. A missing field does not change."""

    model_config = with_example({"stock": 80})

    # The default of a missing field is never read: `model_fields_set` does not contain the field.
    sku: Sku = Field(default_factory=str)
    name: Name = Field(default_factory=str)
    price: Price = Field(default_factory=lambda: Price(amount="0.00", currency=CURRENCY))
    stock: Stock = Field(default_factory=int)


class ProductRead(Row):
    """A product, as all clients see it."""

    sku: str
    name: str
    price: Money
    stock: int
    created_at: UtcTime
    updated_at: UtcTime

    @classmethod
    def of(cls, product: Product) -> Self:
        """Take the fields of the contract, and no others, from a product's row."""
        return cls(
            id=product.id,
            sku=product.sku,
            name=product.name,
            price=Money.of(product.price),
            stock=product.stock,
            created_at=product.created_at,
            updated_at=product.updated_at,
        )


class ProductPage(Page[ProductRead]):
    """Some products, in the order of creation."""
