"""Which path of the service a request asks for, known before anything else is done."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from re import Pattern
from typing import Final
from urllib.parse import unquote

from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Scope, Send

from app.middleware.query import QueryParameters

_ENCODED_SLASH: Final = re.compile(rb"%2F", re.IGNORECASE)
_SLASHES: Final = re.compile("/{2,}")


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


class Routing:
    """Puts the `Path` that is asked for into `state["path"]`; None if there is none."""

    def __init__(self, app: ASGIApp, routes: Routes) -> None:
        self.app = app
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, knowing where it goes."""
        if scope["type"] == "http":
            if b"%" in (scope.get("raw_path") or b""):
                scope = {**scope, "path": _decoded(scope["raw_path"])}
            scope["state"]["path"] = self.routes.find(scope["path"])
        await self.app(scope, receive, send)


def _decoded(raw_path: bytes) -> str:
    # An encoded slash belongs to its segment and separates nothing (RFC 3986, section 2.2): it
    # stays encoded, where the server would have decoded it like any other character.
    return unquote(_ENCODED_SLASH.sub(b"%252F", raw_path).decode("latin-1"))
