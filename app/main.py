"""Builds the service as an ASGI app: the routers, and the middleware in its order."""

import sys
from typing import Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.telemetry import TelemetryConfig
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
)
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from app.adapters.log_format import configure_logging
from app.container import Container
from app.graphql import router as graphql
from app.graphql.error_renderer import ErrorRenderer
from app.graphql.execution import Graph
from app.http.framework_errors import answer_framework_error
from app.http.negotiation import IGNORES_OTHER_PARAMETERS
from app.http.openapi import RATE_LIMIT, describe
from app.http.paths import QueryParameters, Route, Routes
from app.http.problems import ProblemRenderer
from app.lifespan import lifespan
from app.middleware.checks.body_limit import BodyLimit
from app.middleware.checks.host import Host
from app.middleware.checks.methods import Methods
from app.middleware.checks.query import Query
from app.middleware.checks.same_origin import SameOrigin
from app.middleware.cors import Cors
from app.middleware.credentials import Credentials
from app.middleware.deadline import Deadline
from app.middleware.observability.access_log import AccessLog
from app.middleware.observability.sampling import Sampling
from app.middleware.observability.stages import Stages
from app.middleware.problems import Problems
from app.middleware.rate_limit import RateLimit, policies
from app.middleware.response_cache import ResponseCache, StoredResponses
from app.middleware.response_headers import ResponseHeaders
from app.middleware.root_path import RootPath
from app.middleware.routing import Routing
from app.routers import (
    auth,
    emails,
    health,
    identities,
    oidc,
    orders,
    password_resets,
    products,
    sessions,
    users,
)
from app.routers.pages import account, docs, problems
from app.settings import Settings, SettingsError, load_settings
from app.tracing import set_up_sampler, tracing_is_wanted

_ROUTERS = (
    users.router,
    identities.router,
    orders.router,
    products.router,
    graphql.router,
    emails.router,
    auth.router,
    password_resets.router,
    sessions.router,
    oidc.router,
    health.json_router,
    health.router,
    docs.router,
    problems.router,
    account.router,
)
_TELEMETRY: Final[TelemetryConfig] = {
    # FastAPI adds the exporter that OpenTelemetry's variables describe. One of these variables is
    # OTEL_EXPORTER_OTLP_ENDPOINT.
    "auto_configure": True,
    # Instead of FastAPI's spans of operations, the service records its own stages. The span of a
    # stage names the source line, and Server-Timing shows the same stages.
    "operation_spans": False,
    # The service has its own metrics and logs. With True, FastAPI would look for OpenTelemetry's
    # providers of metrics and logs at every request.
    "metrics": False,
    "logs": False,
}


def create_app(settings: Settings | None = None) -> FastAPI:
    """Build the app. `uvicorn --factory app.main:create_app` calls this.

    If `settings` is None, the settings are read from the environment. If variables are missing or
    invalid, the process exits. Its message has one line for each missing or invalid variable.
    """
    try:
        settings = settings or load_settings(Settings)
        configure_logging(settings)
        container = Container(settings)
    except SettingsError as error:
        sys.exit(f"Roundtrip does not start:\n{error}")
    traced = tracing_is_wanted()
    sampling = Sampling(
        set_up_sampler() if traced else None,
        limit=settings.trace_limit,
        root_path=settings.root_path,
    )
    app = FastAPI(
        title="Roundtrip",
        version="0.1.0",
        lifespan=lifespan,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        telemetry={**_TELEMETRY, "tracing": traced, "exclude": sampling.excludes},
        # Instead of FastAPI, `routers/pages/docs.py` serves the API documentation: without files of
        # other servers, and with a strict Content-Security-Policy.
        openapi_url=None,
        exception_handlers={
            HTTPException: answer_framework_error,
            RequestValidationError: answer_framework_error,
        },
    )
    app.state.container = container
    app.state.settings = settings
    app.state.metrics = _metrics()
    app.state.problems = ProblemRenderer(settings.root_path)
    app.state.graph = Graph(
        container,
        introspection=settings.graphql_introspection == "on",
        errors=ErrorRenderer(app.state.problems),
    )
    for router in _ROUTERS:
        app.include_router(router)
    describe(app)
    app.user_middleware = _middleware(app, settings, container, traced=traced)
    return app


def _middleware(
    app: FastAPI, settings: Settings, container: Container, *, traced: bool
) -> list[Middleware]:
    routes = _routes(app)
    stored_responses = StoredResponses(container.cache, container.sessions.cached_principal)
    server_timing = settings.server_timing == "on"
    records_stages = server_timing or traced
    stages = [Middleware(Stages, server_timing=server_timing)] if records_stages else []
    cors = [Middleware(Cors, origins=settings.cors_origins)] if settings.cors_origins else []
    root_path = [Middleware(RootPath, root_path=settings.root_path)] if settings.root_path else []
    return [
        *root_path,
        Middleware(ResponseHeaders),
        Middleware(Routing, routes=routes),
        *stages,
        Middleware(AccessLog, registry=app.state.metrics),
        Middleware(Problems, respond=app.state.problems.response),
        Middleware(Host, allowed=settings.allowed_hosts),
        *cors,
        Middleware(Credentials, read_token=container.tokens.verify),
        Middleware(
            RateLimit,
            limiter=container.rate_limiter,
            policies=policies(settings),
            start_lookup=stored_responses.start_lookup,
            sessions=container.sessions,
        ),
        Middleware(SameOrigin),
        Middleware(ResponseCache, responses=stored_responses),
        Middleware(Deadline, seconds=settings.request_timeout),
        Middleware(Methods, routes=routes),
        Middleware(Query),
        Middleware(BodyLimit, max_bytes=settings.max_body_size),
    ]


def _routes(app: FastAPI) -> Routes:
    # FastAPI stores included routers as a tree. `iter_route_contexts` returns the routes in the
    # order in which FastAPI matches them.
    return Routes(
        _route(route, method)
        for route in iter_route_contexts(app.routes)
        for method in sorted(route.methods or ())
    )


def _route(route: RouteContext, method: str) -> Route:
    extra = route.openapi_extra or {}
    query = QueryParameters.of(
        route.dependant, ignores_others=extra.get(IGNORES_OTHER_PARAMETERS, False)
    )
    return Route(route.path_format or "", method, extra.get(RATE_LIMIT, "default"), query)


def _metrics() -> CollectorRegistry:
    # The global registry of prometheus_client accepts each metric only once. It would refuse the
    # metrics of a second app in the same process.
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry
