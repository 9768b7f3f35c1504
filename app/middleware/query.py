"""A query has the parameters of its route, each of them once, and no others."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self, get_origin

from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import ParamTypes
from starlette.datastructures import QueryParams
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import FieldError, Invalid

_MOST_ERRORS: Final = 50
"""A query can break the rule thousands of times; more errors than these help nobody."""


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


class Query:
    """Refuses an unknown or repeated query parameter, as bodies refuse such fields.

    A misspelled `limit` that is ignored would look like one that is obeyed.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if its route has these parameters."""
        if scope["type"] == "http" and scope["query_string"]:
            parameters = scope["state"]["path"].queries[scope["method"]]
            errors = list(islice(parameters.errors(scope["query_string"]), _MOST_ERRORS))
            if errors:
                raise Invalid(*errors)
        await self.app(scope, receive, send)
