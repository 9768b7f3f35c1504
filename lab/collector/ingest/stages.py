"""The stage of a span without `roundtrip.stage`: a span of Caddy, FastAPI or another sender."""

import re
from collections.abc import Mapping
from typing import Final

from lab.collector.ingest.spans import Value

STAGE_ATTRIBUTE: Final = "roundtrip.stage"
OTHER: Final = "other"

LOAD_BALANCER: Final = "load-balancer"
CLIENT: Final = "client"
_SERVICE_NAME: Final = "roundtrip"

_WORD = re.compile(r"[a-z][a-z-]{0,31}")
# FastAPI's span names, and the stages to which they belong.
_OPERATIONS: Final = {
    "fastapi.dependencies": "validate",
    "fastapi.endpoint": "endpoint",
    "fastapi.serialization": "serialize",
}
_SYSTEMS: Final = {"postgresql": "sql", "redis": "redis"}


def process_of(service: str, instance: str) -> str:
    """Return the process that sent a span: `client`, `load-balancer`, `app-1` or another name."""
    if service == "caddy":
        return LOAD_BALANCER
    return instance if service == _SERVICE_NAME and instance else service


def stage_of(process: str, name: str, attributes: Mapping[str, Value], *, server: bool) -> str:
    """Return the stage in the span's attributes; otherwise derive it from the span."""
    stage = attributes.get(STAGE_ATTRIBUTE)
    if isinstance(stage, str) and _WORD.fullmatch(stage):
        return stage
    if process == LOAD_BALANCER:
        return LOAD_BALANCER
    if name in _OPERATIONS:
        return _OPERATIONS[name]
    if server:
        return "app"
    if process == CLIENT:
        return "request"
    return _SYSTEMS.get(str(attributes.get("db.system.name")), OTHER)
