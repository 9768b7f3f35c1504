"""Products. Reading them is public; only administrators change them."""

from fastapi import APIRouter, Request, Response

from app import errors
from app.http.negotiation import JsonRoute
from app.http.openapi import CACHED
from app.http.pagination import Cursor, Limit, links, next_cursor
from app.http.problems import problems
from app.http.representations import PUBLIC, represent, represent_cached
from app.routers.dependencies import IF_MATCH_PARAMETER, Administrator, IfMatch, PathId, Products
from app.schemas.products import ProductCreate, ProductPage, ProductRead, ProductUpdate

router = APIRouter(prefix="/api/products", tags=["products"], route_class=JsonRoute)

_ADMIN_ERRORS = (errors.Forbidden, errors.SkuTaken)


@router.get(
    "",
    response_model=ProductPage,
    responses=problems(errors.MalformedCursor),
    openapi_extra=CACHED,
)
async def list_products(
    request: Request, products: Products, limit: Limit = 20, cursor: Cursor = None
) -> Response:
    """List all products, oldest first."""
    page = await products.list_products(cursor=cursor, limit=limit)
    headers = links(request, next_cursor(page.body))
    return represent_cached(request, page, headers=headers, caching=PUBLIC)


@router.get(
    "/{product_id}",
    response_model=ProductRead,
    responses=problems(errors.NotFound),
    openapi_extra=CACHED,
)
async def read_product(request: Request, product_id: PathId, products: Products) -> Response:
    """Read a product."""
    return represent_cached(request, await products.read(product_id), caching=PUBLIC)


@router.post(
    "",
    status_code=201,
    response_model=ProductRead,
    responses=problems(*_ADMIN_ERRORS),
)
async def create_product(
    request: Request, _: Administrator, body: ProductCreate, products: Products
) -> Response:
    """Add a product. For administrators."""
    product = await products.create(body)
    location = {"Location": f"/api/products/{product.id}"}
    return represent(request, product, status=201, headers=location)


@router.patch(
    "/{product_id}",
    response_model=ProductRead,
    responses=problems(errors.NotFound, *_ADMIN_ERRORS),
    openapi_extra={"parameters": [IF_MATCH_PARAMETER]},
)
async def update_product(
    request: Request,
    product_id: PathId,
    _: Administrator,
    if_match: IfMatch,
    body: ProductUpdate,
    products: Products,
) -> Response:
    """Change a product. For administrators. `If-Match` names the version that you change."""
    return represent(request, await products.update(product_id, body, if_match))
