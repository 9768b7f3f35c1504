"""Products, as rows. Their stock never goes below zero."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Final, NamedTuple

from sqlalchemy import ARRAY, BigInteger, Integer, any_, bindparam, func, select, update

from app.errors import SkuTaken
from app.models import Product
from app.models.cached_reads import PRODUCTS_TAG, product_tag
from app.repositories.postgres.executor import Executor
from app.repositories.postgres.statements import Statement, change, columns_of, insertion
from app.repositories.tables import PRODUCTS


class StockChange(NamedTuple):
    """Id, name and unit price of a product whose stock has changed."""

    id: int
    name: str
    price: Decimal


def _tags(product: Product | StockChange) -> Iterable[str]:
    return product_tag(product.id), PRODUCTS_TAG


_VIOLATIONS: Final = {"uq_products_sku": SkuTaken}
_WRITABLE: Final = ("sku", "name", "price", "stock")
_SELECT: Final = select(*columns_of(PRODUCTS, Product))
_SELECT_ONE: Final = _SELECT.where(PRODUCTS.c.id == bindparam("product_id"))

_ADD: Final = Statement(
    insertion(PRODUCTS, Product, *_WRITABLE), Product, tags=_tags, violations=_VIOLATIONS
)
_GET: Final = Statement(_SELECT_ONE, Product)
_GET_TO_CHANGE: Final = Statement(_SELECT_ONE.with_for_update(key_share=True), Product, tags=_tags)
_BY_IDS: Final = Statement(
    _SELECT.where(PRODUCTS.c.id == any_(bindparam("product_ids", type_=ARRAY(BigInteger)))),
    Product,
)
_AFTER: Final = Statement(
    _SELECT.where(PRODUCTS.c.id > bindparam("after"))
    .order_by(PRODUCTS.c.id)
    .limit(bindparam("limit")),
    Product,
)
_SAVE: Final = Statement(
    change(PRODUCTS, Product, *_WRITABLE), Product, tags=_tags, violations=_VIOLATIONS
)

_WANTED: Final = (
    func.unnest(
        bindparam("product_ids", type_=ARRAY(BigInteger)),
        bindparam("quantities", type_=ARRAY(Integer)),
    )
    .table_valued("product_id", "quantity")
    .render_derived(name="wanted")
)
# Locks the rows in the order of their ids, which prevents deadlocks.
_LOCK: Final = (
    select(PRODUCTS.c.id, _WANTED.c.quantity)
    .join(_WANTED, _WANTED.c.product_id == PRODUCTS.c.id)
    .order_by(PRODUCTS.c.id)
    .with_for_update(key_share=True, of=PRODUCTS)
)
_LOCKED: Final = _LOCK.cte("locked")
# A product without enough stock is not locked, so its buyers do not wait for each other.
# PostgreSQL checks the condition again after it has waited for a lock.
_IN_STOCK: Final = _LOCK.where(PRODUCTS.c.stock >= _WANTED.c.quantity).cte("locked")
_TAKE: Final = Statement(
    update(PRODUCTS)
    .where(PRODUCTS.c.id == _IN_STOCK.c.id)
    .values(stock=PRODUCTS.c.stock - _IN_STOCK.c.quantity, updated_at=func.clock_timestamp())
    .returning(PRODUCTS.c.id, PRODUCTS.c.name, PRODUCTS.c.price),
    StockChange,
    tags=_tags,
)
_GIVE_BACK: Final = Statement(
    update(PRODUCTS)
    .where(PRODUCTS.c.id == _LOCKED.c.id)
    .values(stock=PRODUCTS.c.stock + _LOCKED.c.quantity, updated_at=func.clock_timestamp())
    .returning(PRODUCTS.c.id, PRODUCTS.c.name, PRODUCTS.c.price),
    StockChange,
    tags=_tags,
)


class ProductRepository:
    """Stores products."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def add(self, *, sku: str, name: str, price: Decimal, stock: int) -> Product:
        """Insert a new product. Raises `SkuTaken` if another product has the sku."""
        return await self._executor.fetch_row(_ADD, sku=sku, name=name, price=price, stock=stock)

    async def get(self, product_id: int) -> Product | None:
        """Find a product by id."""
        return await self._executor.fetch_one(_GET, product_id=product_id)

    async def get_to_change(self, product_id: int) -> Product | None:
        """Find a product by id, lock it for this transaction, and invalidate its cached reads."""
        return await self._executor.fetch_one(_GET_TO_CHANGE, product_id=product_id)

    async def list_by_ids(self, product_ids: Collection[int]) -> list[Product]:
        """Find the products with these ids. The result is not sorted."""
        return await self._executor.fetch_all(_BY_IDS, product_ids=list(product_ids))

    async def list_after(self, product_id: int, *, limit: int) -> list[Product]:
        """List up to `limit` products with ids above `product_id`, in the order of ids."""
        return await self._executor.fetch_all(_AFTER, after=product_id, limit=limit)

    async def save(self, product: Product) -> Product:
        """Update a product, and return the updated product.

        All columns that can change are written, so the caller must have locked the product.
        Raises `SkuTaken` if another product has the sku.
        """
        return await self._executor.fetch_one(_SAVE, **asdict(product)) or product

    async def take(self, quantities: Mapping[int, int]) -> dict[int, StockChange]:
        """Take pieces out of stock. `quantities` maps each product's id to the number of pieces.

        A product without enough stock is not in the result, and its stock does not change. The
        other products stay locked until the transaction ends.
        """
        taken = await self._executor.fetch_all(
            _TAKE, product_ids=list(quantities), quantities=list(quantities.values())
        )
        return {it.id: it for it in taken}

    async def give_back(self, quantities: Mapping[int, int]) -> None:
        """Return pieces to stock. `quantities` maps each product's id to the number of pieces."""
        await self._executor.fetch_all(
            _GIVE_BACK, product_ids=list(quantities), quantities=list(quantities.values())
        )
