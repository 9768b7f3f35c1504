"""The path templates of the service, with what each route declares for the middleware."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from re import Pattern
from typing import Final, Self, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes
from starlette.datastructures import QueryParams
from starlette.routing import compile_path

from app.errors import FieldError

_SLASHES: Final = re.compile("/{2,}")


@dataclass(frozen=True)
class QueryParameters:
    """The query parameters that one route has."""

    names: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    """Those that may be given more than once: each time is one item of a list."""
    ignores_others: bool = False

    @classmethod
    def of(cls, dependant: Dependant, *, ignores_others: bool) -> Self:
        """Take them from the signatures of a route and of what it depends on."""
        found = {
            field.alias: field.field_info.annotation
            for field in get_flat_params(dependant)
            if getattr(field.field_info, "in_", None) == ParamTypes.query
        }
        lists = [name for name, kind in found.items() if get_origin(kind) is list]
        return cls(frozenset(found), frozenset(lists), ignores_others)

    def errors(self, query: bytes) -> Iterator[FieldError]:
        """Yield what is wrong with a query. The values are never in it."""
        given = Counter(name for name, _ in QueryParams(query).multi_items())
        for name, times in given.items():
            if name not in self.names:
                if not self.ignores_others:
                    yield FieldError("There is no such parameter here.", parameter=name)
            elif times > 1 and name not in self.lists:
                yield FieldError("Give this parameter only once.", parameter=name)


@dataclass(frozen=True)
class Route:
    """One method of one path template, and what the middleware has to know about it."""

    template: str
    method: str
    limit: str
    """The name of its rate limit."""
    query: QueryParameters


@dataclass(frozen=True)
class Path:
    """One path template, with its rate limit and its query parameters for each method."""

    template: str
    limits: Mapping[str, str]
    queries: Mapping[str, QueryParameters]

    @property
    def allow(self) -> tuple[str, ...]:
        """The methods that the path answers, as the Allow header lists them."""
        extra = {"OPTIONS", "HEAD"} if "GET" in self.limits else {"OPTIONS"}
        return tuple(sorted(extra | set(self.limits)))

    def limit(self, method: str) -> str:
        """Name the rate limit that a request with this method counts towards."""
        return self.limits.get("GET" if method == "HEAD" else method, "default")


class Routes:
    """All paths of the service; the first that fits is the one that answers."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """Take all routes in the order of the routers."""
        methods: dict[str, dict[str, Route]] = {}
        for route in routes:
            methods.setdefault(route.template, {})[route.method] = route
        self._paths: list[tuple[Pattern[str], Path]] = [
            (compile_path(template)[0], _path(template, found))
            for template, found in methods.items()
        ]

    def find(self, path: str) -> Path | None:
        """Return the path template that a URL's path fits, or None."""
        # Starlette's patterns let a newline pass at the end; a path has no such thing. No segment
        # of ours has a slash in it either.
        if path.endswith("\n") or "%2F" in path:
            return None
        for pattern, found in self._paths:
            if pattern.match(path):
                return found
        return None

    def advice(self, path: str) -> str | None:
        """Say which path was probably meant by one that does not exist; None if that is unclear.

        The advice names a path template, and nothing that the client has sent.
        """
        single = _SLASHES.sub("/", path)
        trimmed = single.rstrip("/") or "/"
        exact = self.find(trimmed)
        found = exact or self.find(f"/api{trimmed}")
        if found is None:
            return None
        changes = {
            "with `/api` in front": exact is None,
            "with single slashes": single != path,
            "without a slash at the end": trimmed != single,
        }
        words = ", ".join(change for change, needed in changes.items() if needed)
        return f"There is nothing here. Try `{found.template}`, {words}."


def _path(template: str, routes: Mapping[str, Route]) -> Path:
    limits = {method: route.limit for method, route in routes.items()}
    return Path(template, limits, {method: route.query for method, route in routes.items()})
