"""The base classes of request bodies and response bodies."""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from app.tracing import staged


def _in_utc(value: datetime) -> datetime:
    return value.astimezone(UTC)


def rfc3339(value: datetime) -> str:
    """Return a time in UTC as RFC 3339, with microseconds and a `Z`."""
    return value.isoformat(timespec="microseconds").replace("+00:00", "Z")


UtcTime = Annotated[
    datetime,
    AfterValidator(_in_utc),
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A point in time as RFC 3339, in UTC with a `Z`."""

RowId = Annotated[
    int, WithJsonSchema({"type": "integer", "format": "int64", "minimum": 1, "maximum": 2**63 - 1})
]


class RequestBody(BaseModel):
    """A request body. Unknown fields are refused, and types are not converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class Representation(BaseModel):
    """A response body. Its ETag is a hash of its bytes, and changes when the bytes change."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    @staged("serialize")
    def to_bytes(self) -> bytes:
        """Return the JSON exactly as it is sent."""
        return self.model_dump_json().encode()

    def etag(self) -> str:
        """Return the strong entity tag of the body."""
        return etag_of(self.to_bytes())


def etag_of(body: bytes) -> str:
    """Return a strong entity tag (RFC 9110, section 8.8.3), in its quotes."""
    digest = hashlib.sha256(body).digest()
    return f'"{base64.urlsafe_b64encode(digest[:18]).decode()}"'


def with_example(body: dict[str, Any]) -> ConfigDict:
    """Return the `model_config` of a request body that the API documentation shows like this."""
    return ConfigDict(json_schema_extra={"examples": [body]})


class Row(Representation):
    """A representation of one row, with the id of the row."""

    id: RowId


Item = TypeVar("Item", bound=Row)


@dataclass(frozen=True)
class Rows(Generic[Item]):
    """A part of a list, in which each row has its own cursor."""

    items: list[Item]
    has_more: bool
    """Whether more rows follow."""
    cursor: Callable[[int], str]
    """Takes the id of a row, and returns the cursor of the rows after this row."""

    @classmethod
    def cut(cls, rows: list[Item], limit: int, cursor: Callable[[int], str]) -> Self:
        """Return the first `limit` rows."""
        return cls(rows[:limit], len(rows) > limit, cursor)


class Page(Representation, Generic[Item]):
    """One page of a list. `next_cursor` is the cursor of the next page; null on the last page."""

    items: list[Item]
    next_cursor: str | None

    @classmethod
    def cut(cls, rows: list[Item], limit: int, cursor: Callable[[int], str]) -> Self:
        """Return a page of the first `limit` rows. If there are more rows, another page follows.

        `cursor` takes the id of this page's last row, and returns the cursor of the next page.
        """
        shown, more = rows[:limit], len(rows) > limit
        return cls(items=shown, next_cursor=cursor(shown[-1].id) if more else None)
