"""Orders: placed once, listed newest first, moved on step by step."""

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
    RowId,
    VisibleUserId,
)
from app.schemas.orders import OrderCreate, OrderPage, OrderRead, OrderUpdate, Status

router = APIRouter(prefix="/api/users/{user_id}/orders", tags=["orders"], route_class=JsonRoute)

# A string in quotes (RFC 9651, section 3.3.3), or the same characters without them.
_KEY = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\]){1,255})"|([!#-~]{1,255})')
_ESCAPED = re.compile(r"\\(.)")


async def _idempotency_key(request: Request) -> str | None:
    values = request.headers.getlist("idempotency-key")
    if not values:
        return None
    match = _KEY.fullmatch(values[0])
    if match is None or len(values) > 1:
        raise errors.MalformedHeader("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return _ESCAPED.sub(r"\1", match[1]) if match[1] else match[2]


IdempotencyKey = Annotated[str | None, Depends(_idempotency_key)]

# FastAPI, told of the header, would answer 422 where broken syntax gets 400.
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "any string of your own, of up to 255 characters; the same key gives the same "
    "answer for 24 hours, so that a request whose answer was lost can be repeated without harm",
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
    """Place an order: all of it or nothing. Send an `Idempotency-Key`, and repeat freely."""
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
    status: Annotated[Status | None, Query(description="only orders that have come so far")] = None,
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
    request: Request, user_id: VisibleUserId, order_id: RowId, orders: Orders
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
    order_id: RowId,
    caller: Caller,
    if_match: IfMatch,
    body: OrderUpdate,
    orders: Orders,
) -> Response:
    """Move an order on: `cancelled` by its owner, `paid` and `shipped` by an administrator."""
    order = await orders.move(user_id, order_id, body.status, if_match, by_admin=caller.is_admin)
    return represent(request, order)
