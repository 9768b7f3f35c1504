"""The product catalogue."""

from app.adapters.cursors import Cursors, is_in_sequence
from app.errors import existing
from app.models.cached_reads import PRODUCTS_TAG, CachedBody, product_tag, read_key
from app.repositories.database import Transaction
from app.schemas.bodies import Rows
from app.schemas.preconditions import EntityTags, require_match
from app.schemas.products import ProductCreate, ProductPage, ProductRead, ProductUpdate
from app.store import Store
from app.tracing import staged_methods


@staged_methods("service")
class ProductService:
    """Reads products for all clients, and creates and changes products for administrators."""

    def __init__(self, store: Store, cursors: Cursors) -> None:
        self._store = store
        self._cursors = cursors

    async def create(self, new: ProductCreate) -> ProductRead:
        """Add a product. Raises `SkuTaken`."""

        async def work(tx: Transaction) -> ProductRead:
            product = await tx.products.add(
                sku=new.sku, name=new.name, price=new.price.exact(), stock=new.stock
            )
            return ProductRead.of(product)

        return await self._store.write(work)

    async def read(self, product_id: int) -> CachedBody:
        """Return one product. Raises `NotFound`."""

        async def load(tx: Transaction) -> ProductRead:
            return ProductRead.of(existing(await tx.products.get(product_id)))

        return await self._store.read(product_tag(product_id), read_key("product"), load)

    async def read_many(self, product_ids: list[int]) -> list[ProductRead | None]:
        """Return one item for each id: the product, or None if it does not exist."""
        async with self._store.uncached() as tx:
            found = {it.id: ProductRead.of(it) for it in await tx.products.list_by_ids(product_ids)}
        return [found.get(it) for it in product_ids]

    async def list_rows(self, *, cursor: str | None, limit: int) -> Rows[ProductRead]:
        """Do the same as `list_products`, without the cache and with a cursor for each product."""
        cursors = self._cursors.of("products")
        after = cursors.decode(cursor)
        async with self._store.uncached() as tx:
            products = await tx.products.list_after(after.row_id if after else 0, limit=limit + 1)
        rows = [ProductRead.of(product) for product in products]
        return Rows.cut(rows, limit, cursors.after_row)

    async def list_products(self, *, cursor: str | None, limit: int) -> CachedBody:
        """Return up to `limit` products after `cursor`, in the order of creation.

        Raises `MalformedCursor`.
        """
        cursors = self._cursors.of("products")
        after = cursors.decode(cursor)
        row_id = after.row_id if after else None

        async def load(tx: Transaction) -> ProductPage:
            products = await tx.products.list_after(row_id or 0, limit=limit + 1)
            rows = [ProductRead.of(product) for product in products]
            return ProductPage.cut(rows, limit, cursors.following(after, limit))

        variant = (
            read_key("page", after=row_id, limit=limit) if is_in_sequence(after, limit) else None
        )
        return await self._store.read(PRODUCTS_TAG, variant, load)

    async def update(
        self, product_id: int, changes: ProductUpdate, expected: EntityTags | None
    ) -> ProductRead:
        """Change a product, if `expected` matches its current version.

        Raises `NotFound`, `PreconditionRequired`, `PreconditionFailed` and `SkuTaken`.
        """

        async def work(tx: Transaction) -> ProductRead:
            product = existing(await tx.products.get_to_change(product_id))
            require_match(expected, ProductRead.of(product).etag())
            for field in changes.model_fields_set - {"price"}:
                setattr(product, field, getattr(changes, field))
            if "price" in changes.model_fields_set:
                product.price = changes.price.exact()
            return ProductRead.of(await tx.products.save(product))

        return await self._store.write(work)
