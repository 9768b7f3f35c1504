"""Measures a query before it runs, and refuses a query that asks for too much."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLArgument,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
)

from app.errors import QueryTooComplex
from app.schemas.orders import MAX_ITEMS

MAX_TOKENS: Final = 1000
_MAX_DEPTH: Final = 8
_MAX_ALIASES: Final = 15
_MAX_COST: Final = 1000
_MAX_FIELDS: Final = 50_000
"""While a process resolves fields, its other requests wait (docs/decisions/0020-graphql.md)."""
_FIELDS_PER_REQUEST: Final = 250
_MAX_ALIAS_CHARACTERS: Final = 64
"""The response repeats an alias for each row."""
_MAX_NESTING: Final = 60
"""The levels of nested fields and fragments. An introspection has fewer than 20 levels."""
_MAX_INT: Final = 2**31 - 1
_MAX_DIGITS: Final = 10
_INTROSPECTION_COSTS: Final = {"__schema": 300, "__type": 30}
"""An introspection reads no rows, but the whole schema is a long response."""
_LIMITED_FIELDS: Final = {("Mutation", "signUp"): "signup"}
"""The rate limits of single fields, in addition to the limit of all requests."""


@dataclass(frozen=True)
class Size:
    """How much an operation asks for."""

    depth: int = 0
    """The levels of nested fields, without introspection."""
    aliases: int = 0
    """The number of fields with an alias, and of fields that a selection repeats."""
    cost: int = 0
    """The number of rows: each list counts its `first`, multiplied by `first` of the outer lists.

    A root field, such as `me` or a mutation, counts as at least one row. An introspection reads no
    rows. The cost of an introspection depends only on its aliases.
    """
    fields: int = 0
    """The maximum number of fields in the response."""
    requests_by_limit: Counter[str] = field(default_factory=Counter)
    """The name of each additional rate limit, and the number of requests that count towards it."""

    @property
    def requests(self) -> int:
        """The number of requests that the operation counts as."""
        return max(1, self.cost, self.fields // _FIELDS_PER_REQUEST)

    def require_acceptable(self) -> None:
        """Raise `QueryTooComplex` if a limit is exceeded."""
        self.require_few_aliases()
        _require_at_most(_MAX_DEPTH, "depth", self.depth)
        _require_at_most(_MAX_COST, "cost", self.cost)
        _require_at_most(_MAX_FIELDS, "number of fields in the response", self.fields)

    def require_few_aliases(self) -> None:
        """Raise `QueryTooComplex` if there are too many aliases and repeated fields."""
        _require_at_most(_MAX_ALIASES, "number of aliases and repeated fields", self.aliases)


def _require_at_most(limit: int, name: str, value: int) -> None:
    if value > limit:
        # If each fragment uses the next one twice, the number doubles with each fragment. So it can
        # have very many digits.
        shown = value if value <= _MAX_INT else f"more than {_MAX_INT}"
        raise QueryTooComplex(
            f"The {name} of the query is {shown}, and at most {limit} are allowed. "
            "Ask for less at a time."
        )


def measure(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
) -> Size:
    """Return the size of an operation. The document need not be valid.

    A fragment counts as often as it is used, but is measured only once. So the time is
    proportional to the length of the document. `variables` are the coerced values.

    Raises `QueryTooComplex` if the operation exceeds a limit. Other operations and unused fragments
    do not run, but they are validated, and the validation of many equal fields takes long. So the
    limit of aliases and repeated fields also applies to these operations and fragments.
    """
    measurement = _Measurement(schema, document, variables)
    for definition in document.definitions:
        if isinstance(definition, FragmentDefinitionNode):
            measurement.of_fragment(definition.name.value).require_few_aliases()
        elif isinstance(definition, OperationDefinitionNode):
            measurement.of_operation(definition).require_few_aliases()
    size = measurement.of_operation(operation)
    size.require_acceptable()
    return size


class _Measurement:
    def __init__(
        self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]
    ) -> None:
        self._schema = schema
        self._fragments = {
            it.name.value: it
            for it in document.definitions
            if isinstance(it, FragmentDefinitionNode)
        }
        self._variables = variables
        self._measured: dict[str, Size] = {}

    def of_operation(self, operation: OperationDefinitionNode) -> Size:
        root = self._schema.get_root_type(operation.operation)
        return self._of_selections(operation.selection_set, root, nesting=0)

    def of_fragment(self, name: str, *, nesting: int = 0) -> Size:
        if name not in self._measured:
            # A fragment that uses itself finds this empty size. The validation refuses such a
            # fragment later.
            self._measured[name] = Size()
            fragment = self._fragments.get(name)
            if fragment is not None:
                inner = self._schema.get_type(fragment.type_condition.name.value)
                size = self._of_selections(fragment.selection_set, inner, nesting=nesting + 1)
                self._measured[name] = size
        return self._measured[name]

    def _of_selections(
        self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None, *, nesting: int
    ) -> Size:
        if nesting > _MAX_NESTING:
            raise QueryTooComplex("The query is nested too deeply. Ask for less at a time.")
        flat = list(self._flattened(selections, parent))
        names = [(it.alias or it.name).value for it, _ in flat if isinstance(it, FieldNode)]
        if any(len(name) > _MAX_ALIAS_CHARACTERS for name in names):
            raise QueryTooComplex(f"An alias has at most {_MAX_ALIAS_CHARACTERS} characters.")
        sizes = [
            self._field(it, inner, nesting=nesting)
            if isinstance(it, FieldNode)
            else self.of_fragment(it.name.value, nesting=nesting)
            for it, inner in flat
        ]
        return Size(
            depth=max((it.depth for it in sizes), default=0),
            aliases=sum(it.aliases for it in sizes) + len(names) - len(set(names)),
            cost=sum(it.cost for it in sizes),
            fields=sum(it.fields for it in sizes),
            requests_by_limit=sum((it.requests_by_limit for it in sizes), Counter()),
        )

    def _flattened(
        self, selections: SelectionSetNode | None, parent: GraphQLNamedType | None
    ) -> Iterator[tuple[FieldNode | FragmentSpreadNode, GraphQLNamedType | None]]:
        """Yield the fields and fragments of a selection, and those in its inline fragments."""
        waiting = [(selections, parent)]
        while waiting:
            current, inner = waiting.pop()
            for it in current.selections if current else ():
                if isinstance(it, InlineFragmentNode):
                    condition = it.type_condition
                    narrowed = self._schema.get_type(condition.name.value) if condition else inner
                    waiting.append((it.selection_set, narrowed))
                elif isinstance(it, FieldNode | FragmentSpreadNode):
                    yield it, inner

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, *, nesting: int) -> Size:
        name, type_name = node.name.value, parent.name if parent else ""
        definition = None
        if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
            definition = parent.fields.get(name)
        inner_type = get_named_type(definition.type) if definition else None
        inner = self._of_selections(node.selection_set, inner_type, nesting=nesting + 1)
        cost, rows = inner.cost, 1
        if name in _INTROSPECTION_COSTS:
            cost += _INTROSPECTION_COSTS[name] * (1 + inner.aliases)
        if definition is not None and "first" in definition.args:
            rows = self._first(node, definition.args["first"])
            cost = rows * (1 + cost)
        elif (type_name, name) == ("Order", "items"):
            # This list has no `first`, so the maximum number of its rows counts.
            rows = MAX_ITEMS
        is_root = parent in {self._schema.query_type, self._schema.mutation_type}
        limit = _LIMITED_FIELDS.get((type_name, name))
        return Size(
            depth=0 if name.startswith("__") else 1 + inner.depth,
            aliases=inner.aliases + (node.alias is not None),
            cost=max(1, cost) if is_root else cost,
            fields=1 + rows * inner.fields,
            requests_by_limit=inner.requests_by_limit + Counter([limit] if limit else []),
        )

    def _first(self, node: FieldNode, argument: GraphQLArgument) -> int:
        value = next((it.value for it in node.arguments or () if it.name.value == "first"), None)
        if isinstance(value, VariableNode):
            number = self._variables.get(value.name.value)
        else:
            number = _integer(value)
        if not isinstance(number, int):
            # Without a value, the default applies. A value of another type does not matter, because
            # the validation refuses it.
            number = _integer(argument.ast_node and argument.ast_node.default_value) or 1
        return min(max(1, number), _MAX_INT)


def _integer(value: Node | None) -> int | None:
    if not isinstance(value, IntValueNode):
        return None
    # `int()` raises an exception for thousands of digits. The validation refuses such numbers.
    return int(value.value) if len(value.value) <= _MAX_DIGITS else _MAX_INT
