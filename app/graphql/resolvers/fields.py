"""Binds resolvers to the fields of the schema, and checks their arguments."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ariadne import ObjectType
from graphql import GraphQLResolveInfo
from pydantic import BaseModel, ValidationError

from app.errors import FieldError, Invalid, MalformedHeader
from app.graphql.resolvers.context import Context
from app.http.framework_errors import invalid_body
from app.http.pagination import MAX_LIMIT
from app.schemas.preconditions import EntityTags
from app.tracing import staged

_Resolver = TypeVar("_Resolver", bound=Callable[..., Awaitable[Any]])
_Body = TypeVar("_Body", bound=BaseModel)


def field(parent: ObjectType, name: str) -> Callable[[_Resolver], _Resolver]:
    """Bind a resolver to a field, and record it as a stage.

    The resolver takes the object that has the field, the context, and the arguments by name.
    """

    def bind(resolver: _Resolver) -> _Resolver:
        resolve = staged("resolver", f"{parent.name}.{name}")(resolver)

        def call(
            value: object,
            info: GraphQLResolveInfo[Context],
            **arguments: Any,  # noqa: ANN401 - the schema has their types
        ) -> Awaitable[Any]:
            if parent.name == "Mutation":
                info.context.forget_reads()
            return resolve(value, info.context, **arguments)

        parent.set_field(name, call)
        return resolver

    return bind


def page_size(first: int) -> int:
    """Return the argument `first`. Raises `Invalid` unless it is from 1 to 100."""
    if not 1 <= first <= MAX_LIMIT:
        raise Invalid(FieldError(f"This must be from 1 to {MAX_LIMIT}.", pointer="/first"))
    return first


def validated(schema: type[_Body], **arguments: object) -> _Body:
    """Return the arguments as the request body of the REST API. Raises `Invalid`."""
    try:
        return schema.model_validate(arguments)
    except ValidationError as error:
        raise invalid_body(error) from None


def expected_version(version: str | None) -> EntityTags:
    """Return the argument `version` as entity tags. Without `version`, any version matches.

    A text that is not an ETag matches no version.
    """
    try:
        return EntityTags.parse(version if version is not None else "*")
    except MalformedHeader:
        return EntityTags(frozenset())
