"""Lists as connections (Relay Cursor Connections Specification)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from app.schemas.bodies import Item, Rows


@dataclass(frozen=True)
class Edge(Generic[Item]):
    """One row of a list, and its cursor."""

    node: Item
    _cursor: Callable[[int], str]

    @property
    def cursor(self) -> str:
        """The cursor of this row. A query that sends it as `after` gets the rows after this row.

        The cursor is computed only if the query asks for it.
        """
        return self._cursor(self.node.id)


@dataclass(frozen=True)
class Connection(Generic[Item]):
    """One page of a list."""

    rows: Rows[Item]
    has_previous_page: bool

    @property
    def nodes(self) -> list[Item]:
        """The rows."""
        return self.rows.items

    @property
    def edges(self) -> list[Edge[Item]]:
        """The rows with their cursors."""
        return [Edge(row, self.rows.cursor) for row in self.rows.items]

    @property
    def page_info(self) -> "PageInfo":
        """Whether there are more pages, and the cursors of this page."""
        return PageInfo(
            self.rows.has_more,
            self.has_previous_page,
            [row.id for row in self.rows.items],
            self.rows.cursor,
        )


@dataclass(frozen=True)
class PageInfo:
    """Where a page is in its list. A cursor is computed only if the query asks for it."""

    has_next_page: bool
    has_previous_page: bool
    _row_ids: list[int]
    _cursor: Callable[[int], str]

    @property
    def start_cursor(self) -> str | None:
        """The cursor of the first row; None for an empty page."""
        return self._cursor(self._row_ids[0]) if self._row_ids else None

    @property
    def end_cursor(self) -> str | None:
        """The cursor of the last row; None for an empty page."""
        return self._cursor(self._row_ids[-1]) if self._row_ids else None
