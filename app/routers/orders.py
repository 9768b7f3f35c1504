"""Orders: placing, listing, reading, and changing the status."""

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from app import errors
from app.http.negotiation import JsonRoute
from app.http.openapi import CACHED
from app.http.pagination import Cursor, Limit, links, next_cursor
from app.http.problems import problems
from app.http.representations import represent, represent_cached, with_etag
from app.routers.dependencies import (
    IF_MATCH_PARAMETER,
    Caller,
    IfMatch,
    Orders,
    PathId,
    VisibleUserId,
)
from app.schemas.orders import OrderCreate, OrderPage, OrderRead, OrderUpdate, Status

router = APIRouter(prefix="/api/users/{user_id}/orders", tags=["orders"], route_class=JsonRoute)

# A string in quotes (RFC 9651, section 3.3.3), or visible ASCII characters without quotes.
_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"|([!#-~]{1,255})')
_ESCAPED = re.compile(r"\\(.)")


async def _idempotency_key(request: Request) -> str | None:
    values = request.headers.getlist("idempotency-key")
    if not values:
        return None
    match = _KEY.fullmatch(values[0])
    if match is None or len(values) > 1:
        raise errors.MalformedHeader(
            "Send one Idempotency-Key of 1 to 255 printable ASCII characters."
        )
    return _ESCAPED.sub(r"\1", match[1]) if match[1] else match[2]


IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]

# The header is not declared to FastAPI, which would answer 422 if the key is malformed. The service
# answers 400.
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "a string that you choose, of up to 255 characters; for 24 hours, the same key "
    "gets the same response, so you can safely repeat a request whose response was lost",
    "schema": {"type": "string", "pattern": f"^({_KEY.pattern})$"},
    "example": "order-1",
}


@router.post(
    "",
    status_code=201,
    response_model=OrderRead,
    responses=problems(
        errors.OutOfStock,
        errors.IdempotencyInFlight,
        errors.IdempotencyMismatch,
        errors.Contended,
        errors.NotFound,
    ),
    openapi_extra={"parameters": [_KEY_PARAMETER]},
)
async def create_order(
    user_id: VisibleUserId, caller: Caller, key: IdempotencyKey, body: OrderCreate, orders: Orders
) -> Response:
    """Place an order. If one item cannot be ordered, no item is ordered.

    With an `Idempotency-Key`, you can safely repeat the request.
    """
    placed = await orders.place(user_id, body, caller=caller, key=key)
    replayed = {"Idempotency-Replayed": "true"} if placed.replayed else {}
    headers = with_etag(placed.body, {"Location": placed.location, **replayed})
    return Response(placed.body, 201, headers, media_type="application/json")


@router.get(
    "",
    response_model=OrderPage,
    responses=problems(errors.MalformedCursor, errors.NotFound),
    openapi_extra=CACHED,
)
async def list_orders(
    request: Request,
    user_id: VisibleUserId,
    orders: Orders,
    status: Annotated[Status | None, Query(description="only orders with this status")] = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> Response:
    """List a user's orders, newest first."""
    page = await orders.list_orders(user_id, cursor=cursor, limit=limit, status=status)
    return represent_cached(request, page, headers=links(request, next_cursor(page.body)))


@router.get(
    "/{order_id}",
    response_model=OrderRead,
    responses=problems(errors.NotFound),
    openapi_extra=CACHED,
)
async def read_order(
    request: Request, user_id: VisibleUserId, order_id: PathId, orders: Orders
) -> Response:
    """Read an order."""
    return represent_cached(request, await orders.read(user_id, order_id))


@router.patch(
    "/{order_id}",
    response_model=OrderRead,
    responses=problems(
        errors.Forbidden,
        errors.InvalidTransition,
        errors.Contended,
        errors.NotFound,
    ),
    openapi_extra={"parameters": [IF_MATCH_PARAMETER]},
)
async def update_order(
    request: Request,
    user_id: VisibleUserId,
    order_id: PathId,
    caller: Caller,
    if_match: IfMatch,
    body: OrderUpdate,
    orders: Orders,
) -> Response:
    """Change the status: owners set `cancelled`; administrators set `paid` and `shipped`."""
    order = await orders.change_status(
        user_id, order_id, body.status, if_match, by_admin=caller.is_admin
    )
    return represent(request, order)
