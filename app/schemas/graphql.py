"""The JSON of GraphQL requests and responses (GraphQL over HTTP)."""

from typing import Any

from pydantic import BaseModel, Field

from app.schemas.bodies import RequestBody, with_example


class GraphqlRequest(RequestBody):
    """One operation, and the values of its variables."""

    model_config = with_example({"query": "{ products(first: 3) { nodes { name } } }"})

    query: str
    operation_name: str | None = Field(default=None, alias="operationName")
    variables: dict[str, Any] | None = None
    # Reserved for extensions of the protocol. The service supports none, and ignores this field.
    extensions: dict[str, Any] | None = None


class GraphqlError(BaseModel):
    """One error. `extensions.code` is the code of its problem."""

    message: str
    locations: list[dict[str, int]] = []
    path: list[str | int] = []
    extensions: dict[str, Any]


class GraphqlResponse(BaseModel):
    """The result of an operation. Without `data`, nothing has run."""

    data: dict[str, Any] | None = None
    errors: list[GraphqlError] = []
