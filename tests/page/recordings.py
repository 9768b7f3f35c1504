"""Trace documents as the collector gives them out, of requests that the stack has answered."""

from datetime import UTC, datetime, timedelta
from typing import Any

Document = dict[str, Any]

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
INSERT = (
    "INSERT INTO users (name, email, role, erased_at) VALUES (%(name)s::VARCHAR, "
    "%(email)s::VARCHAR, 'user FROM here', %(erased_at)s::TIMESTAMP WITH TIME ZONE) "
    "RETURNING users.id, users.created_at, users.updated_at"
)
SELECT = (
    "SELECT products.id, products.sku, products.name FROM products "
    "WHERE products.id > %(id_1)s AND products.stock >= %(stock_1)s "
    "ORDER BY products.id LIMIT %(param_1)s"
)
DATABASE = {"db.system.name": "postgresql"}
REDIS = {"db.system.name": "redis", "db.operation.name": "EVALSHA"}


def signup(number: int) -> Document:
    """Return a signup that came by `lab trace`, so that the client's own stages are in it."""
    stages = [
        stage("request", None, "client", 0, 41.2, name="POST /api/users"),
        stage("dns", "request", "client", 0.02, 0.31),
        stage("connect", "request", "client", 0.34, 0.12),
        stage("tls", "request", "client", 0.47, 3.1),
        stage("send", "request", "client", 3.6, 0.06),
        stage("wait", "request", "client", 3.68, 37.2),
        stage("load-balancer", "wait", "load-balancer", 3.9, 36.7, name="POST"),
        stage("app", "load-balancer", "app-1", 4.4, 35.9, name="POST /api/users"),
        stage("rate-limit", "app", "app-1", 4.6, 0.71),
        stage("redis", "rate-limit", "app-1", 4.7, 0.48, name="EVALSHA", attributes=REDIS),
        stage("validate", "app", "app-1", 5.4, 0.35),
        stage("endpoint", "app", "app-1", 5.8, 34.0, name="create_user", code=("routers", 36)),
        stage("hash", "endpoint", "app-1", 6.0, 26.4, attributes={"roundtrip.waited_ms": 0.4}),
        stage("pool", "endpoint", "app-1", 32.5, 0.05),
        stage("sql", "endpoint", "app-1", 32.7, 2.3, name="INSERT users",
              attributes={**DATABASE, "db.query.text": INSERT, "db.collection.name": "users"},
              code=("repositories", 41)),
        stage("commit", "endpoint", "app-1", 35.1, 1.6, name="COMMIT", attributes=DATABASE),
        stage("serialize", "endpoint", "app-1", 39.0, 0.2),
        stage("receive", "request", "client", 40.9, 0.08),
    ]  # fmt: skip
    return document(number, "POST", "/api/users", 201, stages)


def products(number: int, *, cache: str) -> Document:
    """Return a look at the catalogue; only a miss goes to the database."""
    hit = cache == "hit"
    stages = [
        stage("load-balancer", None, "load-balancer", 0, 2.4 if hit else 9.3, name="GET"),
        stage("app", "load-balancer", "app-2", 0.3, 1.9 if hit else 8.8, name="GET /api/products"),
        stage("rate-limit", "app", "app-2", 0.4, 0.6),
        stage("redis", "rate-limit", "app-2", 0.5, 0.4, name="EVALSHA", attributes=REDIS),
        stage("cache", "app", "app-2", 1.1, 0.7, attributes={"roundtrip.cache": cache}),
    ]
    if not hit:
        stages += [
            stage("pool", "app", "app-2", 1.9, 0.04),
            stage("sql", "app", "app-2", 2.0, 5.2, name="SELECT products",
                  attributes={**DATABASE, "db.query.text": SELECT}),
            stage("serialize", "app", "app-2", 7.4, 0.9),
        ]  # fmt: skip
    return document(number, "GET", "/api/products", 200, stages, cache=cache)


def document(
    number: int, method: str, route: str, status: int, spans: list[Document], **more: object
) -> Document:
    """Return a whole trace; `number` tells it from others, and says when it came."""
    return {
        "trace_id": f"{number:032x}",
        "started_at": (NOON + timedelta(seconds=number)).isoformat(),
        "duration_ms": spans[0]["duration_ms"],
        "method": method,
        "path": route,
        "route": route,
        "status": status,
        "processes": list(dict.fromkeys(span["process"] for span in spans)),
        "stages": len(spans),
        "cache": None,
        "request_id": f"request-{number}",
        "unnamed_ms": 2.3,
        "spans": spans,
        **more,
    }


def stage(
    word: str,
    parent: str | None,
    process: str,
    start: float,
    duration: float,
    *,
    name: str | None = None,
    attributes: Document | None = None,
    code: tuple[str, int] | None = None,
) -> Document:
    """Return a span, whose id is its stage: each stage is here once."""
    return {
        "id": word,
        "parent_id": parent,
        "process": process,
        "stage": word,
        "name": name or word,
        "start_ms": start,
        "duration_ms": duration,
        "depth": 0,
        "error": False,
        "attributes": {"roundtrip.stage": word, **(attributes or {})},
        "code": code
        and {"file": f"app/{code[0]}/users.py", "line": code[1], "function": "UserRepository.add"},
    }
