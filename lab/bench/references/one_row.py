"""The upper limit for reading one row: the bare app, with a query through psycopg's own pool.

Like the bare app, it checks no token and counts no request. It sends the row in the JSON form of
the service.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request, Response
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool
from pydantic_core import to_json

# The service's default for DATABASE_POOL_SIZE.
_CONNECTIONS: Final = 10
_QUERY: Final = (
    "SELECT id, name, email, email_confirmed, role, created_at, updated_at FROM users WHERE id = %s"
)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    async with AsyncConnectionPool(
        os.environ["DATABASE_URL"],
        # Without transactions, as in the service: they would cost a read two more round trips.
        kwargs={"autocommit": True, "row_factory": dict_row},
        min_size=_CONNECTIONS,
        max_size=_CONNECTIONS,
        open=False,
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(openapi_url=None, lifespan=_lifespan)


@app.get("/api/users/{user_id}")
async def read_user(user_id: int, request: Request) -> Response:
    """Return the user's row."""
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute(_QUERY, [user_id])
        user: DictRow = await cursor.fetchone()
    return Response(to_json(user), media_type="application/json")
