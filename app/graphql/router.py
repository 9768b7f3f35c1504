"""The HTTP route of the graph (GraphQL over HTTP).

Errors of the HTTP request are problem documents, as in the REST API. Errors of the query are in
`errors` of the response. If no part of the query has run, the status depends on the media type of
the response, as the specification recommends: 400 for `application/graphql-response+json`, and 200
for `application/json`.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar, Final, cast

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from pydantic_core import to_json

from app import errors
from app.graphql.execution import Graph
from app.http.framework_errors import translate
from app.http.negotiation import JsonRoute, negotiated, strict_json
from app.http.problems import problems
from app.http.representations import NO_STORE_HEADERS, PRIVATE, represent_document
from app.http.request_state import state_of
from app.schemas.graphql import GraphqlRequest, GraphqlResponse

_GRAPHQL_JSON: Final = "application/graphql-response+json"
_MEDIA_TYPES: Final = ("application/json", _GRAPHQL_JSON)


class GraphqlRoute(JsonRoute):
    """A route that answers 400 to a request that is not well-formed, as the specification says."""

    media_types: ClassVar[tuple[str, ...]] = _MEDIA_TYPES

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler of `JsonRoute`, with the errors of GraphQL over HTTP."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                problem = translate(error)
                if isinstance(problem, errors.Invalid):
                    raise errors.MalformedGraphqlRequest from None
                raise problem from None

        return answer


_CONTENT: Final = {
    "content": {_GRAPHQL_JSON: {"schema": {"$ref": "#/components/schemas/GraphqlResponse"}}}
}
_DOCUMENTED: Final[dict[str, Any]] = {
    # A query needs no session, but most fields do.
    "security": [{}, {"AccessToken": []}],
    "responses": {"200": _CONTENT, "400": _CONTENT},
}

router = APIRouter(prefix="/graphql", tags=["graphql"], route_class=GraphqlRoute)


@router.post(
    "",
    response_model=GraphqlResponse,
    responses=problems(errors.MalformedGraphqlRequest),
    openapi_extra=_DOCUMENTED,
)
async def execute_operation(request: Request, body: GraphqlRequest) -> Response:
    """Run a GraphQL query or mutation."""
    return await _respond(request, body)


@router.get(
    "",
    response_model=GraphqlResponse,
    responses=problems(errors.MalformedGraphqlRequest, errors.MethodNotAllowed),
    openapi_extra=_DOCUMENTED,
)
async def execute_query(
    request: Request,
    query: Annotated[str, Query(examples=["{ products { nodes { name } } }"])],
    operation_name: Annotated[str | None, Query(alias="operationName")] = None,
    variables: Annotated[str | None, Query(description="a JSON object")] = None,
    extensions: Annotated[str | None, Query(description="a JSON object")] = None,
) -> Response:
    """Run a GraphQL query. Mutations need `POST`."""
    try:
        body = GraphqlRequest.model_validate(
            {
                "query": query,
                "operationName": operation_name or None,
                "variables": _json(variables),
                "extensions": _json(extensions),
            }
        )
    except ValidationError:
        raise errors.MalformedGraphqlRequest from None
    return await _respond(request, body)


def _json(text: str | None) -> object:
    try:
        return strict_json(text.encode()) if text else None
    except ValueError:
        raise errors.MalformedGraphqlRequest from None


async def _respond(request: Request, body: GraphqlRequest) -> Response:
    state, graph = state_of(request.scope), cast(Graph, request.app.state.graph)
    media_type = negotiated(request, _MEDIA_TYPES)
    # `Cors` may have added `Vary: Origin`.
    vary = [state.response_headers.get(b"vary"), b"Accept"]
    state.response_headers[b"vary"] = b", ".join(filter(None, vary))
    result = await graph.run(body, state, read_only=request.method == "GET")
    content = to_json(result)
    if "data" not in result and media_type == _GRAPHQL_JSON:
        return Response(content, 400, NO_STORE_HEADERS, media_type=media_type)
    return represent_document(request, content, media_type, caching=PRIVATE)
