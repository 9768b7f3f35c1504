"""Builds the executable schema from `schema.graphql` and the resolvers."""

from importlib.resources import files

from ariadne import ScalarType, make_executable_schema
from graphql import GraphQLSchema

from app.graphql.resolvers import nodes, orders, products, users
from app.schemas.bodies import rfc3339

_date_time = ScalarType("DateTime", serializer=rfc3339)


def build_schema() -> GraphQLSchema:
    """Return the schema. Names are in camelCase in the schema, and in snake_case in Python."""
    text = files("app.graphql").joinpath("schema.graphql").read_text(encoding="utf-8")
    return make_executable_schema(
        text,
        _date_time,
        nodes.query,
        nodes.node,
        *nodes.versioned_types,
        users.query,
        users.mutation,
        users.user,
        users.role,
        products.query,
        orders.mutation,
        orders.order,
        orders.order_item,
        orders.status,
        convert_names_case=True,
    )
