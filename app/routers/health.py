"""Operations: liveness, readiness and metrics."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app import errors
from app.http.negotiation import JsonRoute
from app.http.openapi import NO_STORE
from app.http.problems import problems
from app.http.queue_metrics import queue_metrics
from app.http.representations import NO_STORE_HEADERS, represent_unstored
from app.routers.dependencies import Health, Jobs
from app.schemas.health import Liveness, Part, Readiness

router = APIRouter(tags=["operations"])
json_router = APIRouter(tags=["operations"], route_class=JsonRoute)


@json_router.get("/livez", response_model=Liveness, responses=problems(), openapi_extra=NO_STORE)
async def read_liveness() -> Response:
    """Report that the process is alive.

    Other servers are not checked, because a restart of this process would not repair them.
    """
    return represent_unstored(Liveness())


@json_router.get(
    "/readyz",
    response_model=Readiness,
    responses=problems(errors.NotReady),
    openapi_extra=NO_STORE,
)
async def read_readiness(
    health: Health,
    exclude: Annotated[
        list[Part],
        Query(description="parts that are reported, but never cause a 503"),
    ] = [],  # noqa: B006 - FastAPI copies defaults
) -> Response:
    """Report whether this process should get requests.

    The status is 503 if PostgreSQL is down, or if the process is about to end.
    """
    return represent_unstored(await health.readiness(exclude))


@router.get("/metrics", include_in_schema=False)
async def read_metrics(request: Request, jobs: Jobs) -> Response:
    """Return the metrics of this process, and of the queue, in the Prometheus text format.

    Every process returns the same numbers of jobs. While PostgreSQL is down, these numbers are
    missing.
    """
    try:
        queues = await jobs.measure()
    except errors.Unavailable:
        queues = None
    body = generate_latest(request.app.state.metrics) + queue_metrics(queues)
    return Response(body, headers=NO_STORE_HEADERS, media_type=CONTENT_TYPE_LATEST)
