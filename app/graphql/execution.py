"""Runs an operation: checks it, counts its cost, and executes its resolvers."""

from collections import Counter
from inspect import isawaitable
from typing import Any, Final

from graphql import execute

from app.container import Container
from app.errors import MethodNotAllowed
from app.graphql.documents import Documents, Operation, RefusedRequest
from app.graphql.error_renderer import ErrorRenderer
from app.graphql.resolvers.context import Context
from app.graphql.schema import build_schema
from app.http.request_state import GraphqlOutcome, RequestState
from app.schemas.graphql import GraphqlRequest
from app.tracing import set_span_attribute

_POST_ONLY: Final = ("OPTIONS", "POST")
_UNNAMED: Final = "unnamed-operation"
"""No operation has this name, because names in GraphQL have no dash."""
_MAX_NAME_CHARACTERS: Final = 64
"""The maximum length of an operation's name in logs, metrics and spans."""


class Graph:
    """The schema, and the services that its resolvers call."""

    def __init__(self, container: Container, *, introspection: bool, errors: ErrorRenderer) -> None:
        """Without `introspection`, clients cannot read the schema, and errors suggest no names."""
        self._container = container
        self._errors = errors
        self._hide_suggestions = not introspection
        self._schema = build_schema()
        self._documents = Documents(self._schema, introspection=introspection)

    async def run(
        self, request: GraphqlRequest, state: RequestState, *, read_only: bool
    ) -> dict[str, Any]:
        """Return the JSON of the response, without `data` if no part of the operation has run.

        Raises `MethodNotAllowed` for a mutation in a `read_only` request, and `TooManyRequests` if
        the cost of the operation exceeds a rate limit.
        """
        outcome = state.graphql = GraphqlOutcome(_UNNAMED)
        try:
            operation = self._documents.prepare(request)
        except RefusedRequest as refusal:
            result = {"errors": [self._errors.request_error(it) for it in refusal.errors]}
        else:
            outcome.operation = (operation.name or _UNNAMED)[:_MAX_NAME_CHARACTERS]
            set_span_attribute("graphql.operation.name", outcome.operation)
            set_span_attribute("graphql.operation.type", operation.kind)
            if read_only and operation.kind != "query":
                raise MethodNotAllowed(_POST_ONLY, "Send mutations with POST.")
            await _count(operation, state)
            result = await self._execute(operation, request, state)
        outcome.codes = sorted({it["extensions"]["code"] for it in result.get("errors", ())})
        return result

    async def _execute(
        self, operation: Operation, request: GraphqlRequest, state: RequestState
    ) -> dict[str, Any]:
        with Context(self._container, state) as context:
            result = execute(
                self._schema,
                operation.document,
                context_value=context,
                variable_values=request.variables,
                operation_name=operation.name,
                hide_suggestions=self._hide_suggestions,
            )
            if isawaitable(result):
                result = await result
        if context.replayed:
            state.response_headers[b"idempotency-replayed"] = b"true"
        if not result.errors:
            return {"data": result.data}
        return {"data": result.data, "errors": self._errors.field_errors(result.errors)}


async def _count(operation: Operation, state: RequestState) -> None:
    # Subtract one, because the middleware has already counted the request once. The sum of two
    # counters leaves out each limit whose number is 0.
    size = operation.size
    for limit, cost in (Counter(default=size.requests - 1) + size.requests_by_limit).items():
        if state.count is not None:
            await state.count(limit, cost)
