"""The filter of the list of requests, and the cursor where a page of the list begins."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from lab.collector.errors import Problem
from lab.collector.parameters import matching
from lab.collector.traces.documents import Document

_METHOD: Final = re.compile(r"\S{1,32}")
_PATH: Final = re.compile(r".{1,200}", re.DOTALL)
_STATUS: Final = re.compile(r"[1-5](?:\d\d|xx)", re.ASCII | re.IGNORECASE)
_MILLISECONDS: Final = re.compile(r"\d{1,7}(?:\.\d{1,3})?", re.ASCII)
_ID: Final = re.compile(r"[\w.-]{1,128}", re.ASCII)
_USER: Final = re.compile(r"\d{1,19}", re.ASCII)
_BACKGROUND: Final = re.compile(r"show|hide")
_CURSOR: Final = re.compile(r"([\d:.TZ-]{27})_([0-9a-f]{32})", re.ASCII)

_Position = tuple[str, str]


@dataclass(frozen=True)
class Filter:
    """The conditions that an entry must meet to be in the list. An empty text is no condition."""

    path: str
    """A part of the concrete path, or of the route."""
    route: str
    """The whole route."""
    method: str
    status: str
    """A code, such as 404, or a class, such as 5xx."""
    min_ms: float
    id: str
    """The beginning of a trace id or of a request id."""
    user: str
    background: bool
    """Whether the list also has entries that are hidden by default."""

    @classmethod
    def of(cls, request: Request) -> "Filter":
        """Read the query parameters.

        :raises Problem: 422 when a parameter is invalid.
        """
        background = matching(request, "background", _BACKGROUND, "show or hide")
        return cls(
            path=matching(request, "path", _PATH, "a text of at most 200 characters").lower(),
            route=matching(request, "route", _PATH, "a route of at most 200 characters"),
            method=matching(request, "method", _METHOD, "a method such as GET"),
            status=matching(
                request, "status", _STATUS, "a code such as 404, or a class such as 5xx"
            ).lower(),
            min_ms=float(
                matching(request, "min_ms", _MILLISECONDS, "a number of milliseconds such as 250")
                or 0
            ),
            id=matching(request, "id", _ID, "a trace id or a request id, or its beginning").lower(),
            user=matching(request, "user", _USER, "the number of a user, such as 42"),
            background=background == "show",
        )

    def matches(self, entry: Document) -> bool:
        """Return whether the entry meets all conditions."""
        return (
            (self.background or not entry["background"])
            and entry["duration_ms"] >= self.min_ms
            and _any_contains((entry["path"], entry["route"]), self.path)
            and self.route in {"", entry["route"]}
            and self.method in {"", entry["method"]}
            and _has_status(entry["status"], self.status)
            and _any_begins((entry["trace_id"], entry["request_id"]), self.id)
            and (not self.user or self.user in entry["user_ids"])
        )


def position(entry: Document) -> _Position:
    """Return the key by which the list is sorted."""
    return entry["started_at"], entry["trace_id"]


def cursor_after(entry: Document) -> str:
    """Return the cursor of the page that begins after this entry."""
    return "_".join(position(entry))


def position_of(request: Request) -> _Position | None:
    """Return the position in the query parameter `cursor`.

    :raises Problem: 400 when the cursor is invalid.
    """
    cursor = request.query_params.get("cursor")
    match = _CURSOR.fullmatch(cursor) if cursor else None
    if cursor and not match:
        raise Problem(400, "cursor is the `next_cursor` of another page.", parameter="cursor")
    return (match[1], match[2]) if match else None


def _any_contains(texts: tuple[object, ...], wanted: str) -> bool:
    return not wanted or any(wanted in str(it or "").lower() for it in texts)


def _any_begins(texts: tuple[object, ...], wanted: str) -> bool:
    return not wanted or any(str(it or "").lower().startswith(wanted) for it in texts)


def _has_status(status: object, wanted: str) -> bool:
    code = str(status or "")
    return not wanted or code == wanted or (wanted.endswith("xx") and code[:1] == wanted[0])
