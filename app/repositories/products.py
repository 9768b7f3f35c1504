"""What is for sale, as rows, and the stock that never goes below zero."""

from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import Integer, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import SkuTaken
from app.models import Product
from app.repositories.constraints import violated_constraint
from app.tracing import located

# Built once: to build a statement takes longer than to run it. They are about the table, not the
# model: no product that is loaded already is changed by them.
_ROWS: Final = Product.metadata.tables[Product.__tablename__]
_PIECES: Final = bindparam("pieces", type_=Integer)
_TAKE: Final = (
    update(_ROWS)
    .where(_ROWS.c.id == bindparam("product_id"), _ROWS.c.stock >= _PIECES)
    .values(stock=_ROWS.c.stock - _PIECES, updated_at=func.clock_timestamp())
    .returning(_ROWS.c.name, _ROWS.c.price)
)
_GIVE_BACK: Final = (
    update(_ROWS)
    .where(_ROWS.c.id == bindparam("product_id"))
    .values(stock=_ROWS.c.stock + _PIECES, updated_at=func.clock_timestamp())
)


class Taken(NamedTuple):
    """What a product that was taken out of stock is called, and costs a piece."""

    name: str
    price: Decimal


@located
class ProductRepository:
    """Finds and keeps products within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, product: Product) -> Product:
        """Insert a new product. Raises `SkuTaken` when the unique index says so."""
        self._session.add(product)
        await self.flush()
        return product

    async def get(self, product_id: int) -> Product | None:
        """Find a product by id."""
        return await self._session.get(Product, product_id)

    async def get_locked(self, product_id: int) -> Product | None:
        """Find a product by id, and let nobody else change it until the transaction ends."""
        query = select(Product).where(Product.id == product_id)
        return await self._session.scalar(query.with_for_update(key_share=True))

    async def list_after(self, product_id: int, *, limit: int) -> list[Product]:
        """List up to `limit` products in the order in which they came, behind `product_id`."""
        query = select(Product).where(Product.id > product_id).order_by(Product.id).limit(limit)
        return list(await self._session.scalars(query))

    async def take(self, product_id: int, quantity: int) -> Taken | None:
        """Take pieces out of stock; None, and nothing taken, when there are not so many.

        The row stays locked until the transaction ends: whoever takes several products
        takes them in the order of their ids, so that no two wait for each other.
        """
        sold = {"product_id": product_id, "pieces": quantity}
        row = (await self._session.execute(_TAKE, sold)).one_or_none()
        return Taken(*row) if row is not None else None

    async def give_back(self, product_id: int, quantity: int) -> None:
        """Put pieces back into stock; in the order of the ids, as in `take`."""
        await self._session.execute(_GIVE_BACK, {"product_id": product_id, "pieces": quantity})

    async def flush(self) -> None:
        """Write what has changed. Raises `SkuTaken` when the unique index says so."""
        try:
            await self._session.flush()
        except IntegrityError as error:
            if violated_constraint(error) == "uq_products_sku":
                raise SkuTaken from error
            raise
