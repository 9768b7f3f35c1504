"""Parses a query, and checks it against the limits and the schema before it runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    get_operation_ast,
    get_variable_values,
    parse,
    specified_rules,
    validate,
)

from app.errors import AppError, InvalidQuery, MalformedQuery, QueryTooComplex
from app.graphql.limits import MAX_TOKENS, Size, measure
from app.schemas.graphql import GraphqlRequest
from app.tracing import staged

_MAX_COMMENTS: Final = 100
_MAX_LINES: Final = 1000
"""The library counts the lines before each error, which would take long for many lines."""
_MAX_ERRORS: Final = 10
"""The maximum number of errors in one response."""
_MAX_KEPT: Final = 256
_MAX_KEPT_CHARACTERS: Final = 4096
_NO_OPERATION: Final = (
    "The service cannot choose an operation. Send one operation, or send the name of one of them "
    "in `operationName`."
)
_TOO_LONG: Final = (
    f"The query has more than {MAX_TOKENS} tokens, {_MAX_LINES} lines or {_MAX_COMMENTS} comments, "
    "or is nested too deeply. Ask for less at a time."
)
_ABORTED: Final = "Validation aborted."
"""The library adds an error that ends with these words when it stops a validation early."""


class RefusedRequest(Exception):
    """Raised if no part of the request can run. `errors` are for the client."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__()
        self.errors = errors[:_MAX_ERRORS]

    @classmethod
    def because(cls, error: AppError) -> "RefusedRequest":
        """Return the exception for one error."""
        return cls([GraphQLError(error.detail, original_error=error)])


@dataclass(frozen=True)
class Operation:
    """An operation that can run."""

    document: DocumentNode
    name: str | None
    kind: str
    """`query` or `mutation`."""
    size: Size


class Documents:
    """Parses queries, and checks them against the limits and the schema.

    The validation is the slowest step, so valid documents are cached. This helps because clients
    send the same few queries with different variables.
    """

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        self._schema = schema
        self._rules = specified_rules
        if not introspection:
            self._rules = (*specified_rules, NoSchemaIntrospectionCustomRule)
        self._hide_suggestions = not introspection
        self._valid: LRUCache[str, DocumentNode] = LRUCache(_MAX_KEPT)

    @staged("validate", "check query")
    def prepare(self, request: GraphqlRequest) -> Operation:
        """Return the operation that the request runs. Raises `RefusedRequest`."""
        kept = self._valid.get(request.query)
        document = kept or _parsed(request.query)
        operation = get_operation_ast(document, request.operation_name)
        if operation is None:
            raise RefusedRequest.because(InvalidQuery(_NO_OPERATION))
        size = self._measured(document, operation, request.variables or {})
        if kept is None:
            self._require_valid(document)
            if len(request.query) <= _MAX_KEPT_CHARACTERS:
                self._valid[request.query] = document
        name = operation.name.value if operation.name else None
        return Operation(document, name, operation.operation.value, size)

    def _measured(
        self, document: DocumentNode, operation: OperationDefinitionNode, sent: dict[str, Any]
    ) -> Size:
        variables = get_variable_values(
            self._schema,
            operation.variable_definitions or (),
            sent,
            max_errors=_MAX_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        if isinstance(variables, list):
            raise RefusedRequest(variables)
        try:
            return measure(self._schema, document, operation, variables.coerced)
        except QueryTooComplex as error:
            raise RefusedRequest.because(error) from None

    def _require_valid(self, document: DocumentNode) -> None:
        errors = validate(
            self._schema,
            document,
            self._rules,
            max_errors=_MAX_ERRORS,
            hide_suggestions=self._hide_suggestions,
        )
        # If the first error ends with `_ABORTED`, the query is nested too deeply, or its validation
        # would take too long. After too many errors, the last error ends with `_ABORTED`.
        if errors and errors[0].message.endswith(_ABORTED):
            raise RefusedRequest.because(QueryTooComplex(_TOO_LONG))
        if errors:
            raise RefusedRequest(errors)


def _parsed(query: str) -> DocumentNode:
    if query.count("\n") + query.count("\r") - query.count("\r\n") > _MAX_LINES:
        raise RefusedRequest.because(QueryTooComplex(_TOO_LONG))
    try:
        return parse(query, max_lexical_tokens=MAX_TOKENS, max_comments=_MAX_COMMENTS)
    except GraphQLSyntaxError as error:
        # The parser's message repeats a part of the query, so it is not sent.
        if error.message.endswith("Parsing aborted."):
            raise RefusedRequest.because(QueryTooComplex(_TOO_LONG)) from None
        place = error.locations[0] if error.locations else None
        where = f" at line {place.line}, column {place.column}" if place else ""
        message = f"The query cannot be parsed{where}. Check its brackets, quotes and names."
        located = GraphQLError(
            message,
            source=error.source,
            positions=error.positions,
            original_error=MalformedQuery(message),
        )
        raise RefusedRequest([located]) from None
