"""Lists as connections (Relay Cursor Connections Specification)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Self

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
    """One page of a list. Its cursors are computed only if the query asks for them."""

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
    def page_info(self) -> Self:
        """This connection, which also has the fields of the GraphQL type `PageInfo`."""
        return self

    @property
    def has_next_page(self) -> bool:
        """Whether more rows follow."""
        return self.rows.has_more

    @property
    def start_cursor(self) -> str | None:
        """The cursor of the first row; None for an empty page."""
        return self.edges[0].cursor if self.nodes else None

    @property
    def end_cursor(self) -> str | None:
        """The cursor of the last row; None for an empty page."""
        return self.edges[-1].cursor if self.nodes else None
