"""The path templates of the service, and the data about each route that the middleware needs."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from re import Pattern
from typing import Final, Self, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes
from starlette.datastructures import Headers, QueryParams
from starlette.routing import compile_path
from starlette.types import Scope

from app.errors import FieldError

METHODS: Final = {"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"}
"""The methods that appear in spans, logs and metrics.

Another method does not appear there, because a client can send any text as a method.
"""
SAFE_METHODS: Final = {"GET", "HEAD", "OPTIONS"}
"""The methods that change nothing (RFC 9110, section 9.2.1)."""
_HEALTH_CHECKS: Final = {"/livez", "/readyz", "/metrics"}
_SLASHES: Final = re.compile("/{2,}")


def is_health_check(path: str) -> bool:
    """Return whether a path is that of a health check or of the metrics.

    Such requests come every second, so they are not traced, and are logged at level `debug` only.
    """
    return path in _HEALTH_CHECKS


def is_direct_health_check(scope: Scope) -> bool:
    """Return whether a health check comes directly to the process, such as from an orchestrator.

    A direct health check has no rate limit and may name any host. A health check that has
    X-Forwarded-For comes through the load balancer, where any client can send it. So it is limited.
    """
    return is_health_check(scope["path"]) and "x-forwarded-for" not in Headers(scope=scope)


@dataclass(frozen=True)
class QueryParameters:
    """The query parameters of one route."""

    names: frozenset[str]
    lists: frozenset[str]
    """The parameters that may be repeated. Each repetition is one item of a list."""
    ignores_others: bool
    """Whether unknown parameters are ignored instead of refused."""

    @classmethod
    def of(cls, dependant: Dependant, *, ignores_others: bool) -> Self:
        """Read the parameters from the signatures of a route and its dependencies."""
        annotations = {
            field.alias: field.field_info.annotation
            for field in get_flat_params(dependant)
            if getattr(field.field_info, "in_", None) == ParamTypes.query
        }
        lists = [name for name, kind in annotations.items() if get_origin(kind) is list]
        return cls(frozenset(annotations), frozenset(lists), ignores_others)

    def errors(self, query: bytes) -> Iterator[FieldError]:
        """Yield the errors of a query string. An error never contains the value of a parameter."""
        counts = Counter(name for name, _ in QueryParams(query).multi_items())
        for name, times in counts.items():
            if name not in self.names:
                if not self.ignores_others:
                    yield FieldError("This parameter is unknown.", parameter=name)
            elif times > 1 and name not in self.lists:
                yield FieldError("Give this parameter only once.", parameter=name)


@dataclass(frozen=True)
class Route:
    """One method of one path template, with the data that the middleware needs."""

    template: str
    method: str
    limit: str
    """The name of the rate limit."""
    query: QueryParameters


@dataclass(frozen=True)
class Path:
    """One path template, and its routes by method."""

    template: str
    routes: Mapping[str, Route]

    @cached_property
    def allow(self) -> tuple[str, ...]:
        """The methods of the path, in the order of the Allow header."""
        derived = {"OPTIONS", "HEAD"} if "GET" in self.routes else {"OPTIONS"}
        return tuple(sorted(derived | set(self.routes)))

    def limit(self, method: str) -> str:
        """Return the name of the method's rate limit; `default` if the method has no route."""
        route = self.routes.get("GET" if method == "HEAD" else method)
        return route.limit if route is not None else "default"


class Routes:
    """All paths of the service. The first path template that matches is used."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """`routes` must be in the order in which FastAPI matches them."""
        methods: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods.setdefault(route.template, {})[route.method] = route
        self._paths: list[tuple[Pattern[str], Path]] = [
            (compile_path(template)[0], Path(template, by_method))
            for template, by_method in methods.items()
        ]

    def find(self, path: str) -> Path | None:
        """Return the path template that matches a URL's path, or None."""
        # Starlette's patterns accept a newline at the end, but no path of the service ends with a
        # newline. No path of the service has an encoded slash in a segment.
        if path.endswith("\n") or "%2F" in path:
            return None
        for pattern, candidate in self._paths:
            if pattern.match(path):
                return candidate
        return None

    def advice(self, path: str) -> str | None:
        """Return a sentence that suggests an existing path; None if no similar path exists.

        The sentence contains a path template, but nothing that the client has sent.
        """
        single = _SLASHES.sub("/", path)
        trimmed = single.rstrip("/") or "/"
        exact = self.find(trimmed)
        suggestion = exact or self.find(f"/api{trimmed}")
        if suggestion is None:
            return None
        changes = {
            "with `/api` in front": exact is None,
            "with single slashes": single != path,
            "without a slash at the end": trimmed != single,
        }
        needed = ", ".join(change for change, is_needed in changes.items() if is_needed)
        return f"There is nothing here. Try `{suggestion.template}`, {needed}."
