"""What can be done with a product."""

from app.adapters.cursors import Cursors, is_in_sequence
from app.adapters.read_cache import ReadCache
from app.errors import NotFound
from app.models import Product, tags
from app.models.reads import read_key
from app.repositories.database import Database, Transaction
from app.schemas.bodies import CachedBody
from app.schemas.preconditions import EntityTags, require_match
from app.schemas.products import ProductCreate, ProductPage, ProductRead, ProductUpdate
from app.tracing import staged_methods


@staged_methods("service")
class ProductService:
    """The catalogue: read by everybody, kept by administrators."""

    def __init__(self, database: Database, cache: ReadCache, cursors: Cursors) -> None:
        self._database = database
        self._cache = cache
        self._cursors = cursors

    async def create(self, new: ProductCreate) -> ProductRead:
        """Add a product. Raises `SkuTaken`."""

        async def work(tx: Transaction) -> ProductRead:
            product = Product(sku=new.sku, name=new.name, price=new.price.exact(), stock=new.stock)
            return ProductRead.of(await tx.products.add(product))

        return await self._cache.forgetting({tags.PRODUCTS}, self._database.retrying(work))

    async def read(self, product_id: int) -> CachedBody:
        """Return one product. Raises `NotFound`."""

        async def load() -> bytes:
            async with self._database.reading() as tx:
                return ProductRead.of(_found(await tx.products.get(product_id))).to_bytes()

        tag, variant = tags.product(product_id), read_key("product")
        return CachedBody(*await self._cache.get_or_load(tag, variant, load))

    async def list_products(self, *, cursor: str | None, limit: int) -> CachedBody:
        """Return up to `limit` products in the order in which they came.

        Begins where the page ended that gave the `cursor`. Raises `MalformedCursor`.
        """
        cursors = self._cursors.of("products")
        after = cursors.decode(cursor)
        row_id = after.row_id if after else None

        async def load() -> bytes:
            async with self._database.reading() as tx:
                products = await tx.products.list_after(row_id or 0, limit=limit + 1)
            found = [ProductRead.of(product) for product in products]
            return ProductPage.cut(found, limit, cursors.following(after, limit)).to_bytes()

        if not is_in_sequence(after, limit):
            return CachedBody.not_stored(await load(), tags.PRODUCTS)
        variant = read_key("page", after=row_id, limit=limit)
        return CachedBody(*await self._cache.get_or_load(tags.PRODUCTS, variant, load))

    async def update(
        self, product_id: int, changes: ProductUpdate, expected: EntityTags | None
    ) -> ProductRead:
        """Change the version of a product that the caller has read.

        Raises `NotFound`, `PreconditionRequired`, `PreconditionFailed` and `SkuTaken`.
        """

        async def work(tx: Transaction) -> ProductRead:
            product = _found(await tx.products.get_locked(product_id))
            require_match(expected, ProductRead.of(product).etag())
            for field in changes.model_fields_set - {"price"}:
                setattr(product, field, getattr(changes, field))
            if "price" in changes.model_fields_set:
                product.price = changes.price.exact()
            await tx.products.flush()
            return ProductRead.of(product)

        changed = {tags.product(product_id), tags.PRODUCTS}
        return await self._cache.forgetting(changed, self._database.retrying(work))


def _found(product: Product | None) -> Product:
    if product is None:
        raise NotFound
    return product
