"""Names for the spans that carry no stage of ours: Caddy's, FastAPI's own, and strangers'."""

import re
from collections.abc import Mapping
from typing import Final

from lab.collector.spans import Value

STAGE: Final = "roundtrip.stage"
UNNAMED: Final = "other"

LOAD_BALANCER: Final = "load-balancer"
CLIENT: Final = "client"
_OUR_SERVICE: Final = "roundtrip"

_WORD = re.compile(r"[a-z][a-z-]{0,31}")
# What FastAPI calls its operations, and what the rest of this project calls them.
_OPERATIONS: Final = {
    "fastapi.dependencies": "validate",
    "fastapi.endpoint": "endpoint",
    "fastapi.serialization": "serialize",
}
_SYSTEMS: Final = {"postgresql": "sql", "redis": "redis"}


def process_of(service: str, instance: str) -> str:
    """Return which process a span comes from: `client`, `load-balancer`, `app-1` or a name."""
    if service == "caddy":
        return LOAD_BALANCER
    return instance if service == _OUR_SERVICE and instance else service


def stage_of(process: str, name: str, attributes: Mapping[str, Value], *, server: bool) -> str:
    """Return the stage that a span says it is, else the one that it can be recognised as."""
    stage = attributes.get(STAGE)
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
    return _SYSTEMS.get(str(attributes.get("db.system.name")), UNNAMED)
