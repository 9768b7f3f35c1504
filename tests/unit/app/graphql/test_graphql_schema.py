"""The GraphQL schema: its published copy, and its resolvers."""

import re

import pytest
from graphql import (
    BreakingChange,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_schema_changes,
    print_schema,
)

from app.graphql import schema as executable
from tests.service import CHECKOUT

_PUBLISHED = CHECKOUT / "docs" / "schema.graphql"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    """The schema that the service executes."""
    return executable.build_schema()


def _breaking(old: str, new: str) -> list[str]:
    changes = find_schema_changes(build_schema(old), build_schema(new))
    return [change.description for change in changes if isinstance(change, BreakingChange)]


def test_the_published_schema_is_the_schema_of_the_service(schema: GraphQLSchema) -> None:
    """The first failure lists what breaks clients. The second one says how to publish a change."""
    published = _PUBLISHED.read_text()
    current = print_schema(schema)
    assert not _breaking(published, current), (
        "These changes break clients. Note them in CHANGELOG.md."
    )
    source = (CHECKOUT / "app" / "graphql" / "schema.graphql").read_text()
    assert published == source, "Run `cp app/graphql/schema.graphql docs/schema.graphql`."


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  stock: Int!\n", ""),
        ("  SHIPPED\n", ""),
        ("  email: String!\n", "  email: String\n"),
        ("product(id: ID!)", "product(id: ID!, region: String!)"),
    ],
)
def test_a_change_that_breaks_clients_is_found(old: str, new: str) -> None:
    """Removed fields or values, new nullable types, and new required arguments are found."""
    published = _PUBLISHED.read_text()
    assert old in published
    assert len(_breaking(published, published.replace(old, new))) == 1
    assert not _breaking(published, published.replace("type Money {", "type Money {\n  new: Int"))


def test_every_root_field_has_a_description(schema: GraphQLSchema) -> None:
    """Clients choose among the root fields by their description, which is a sentence."""
    for root in (schema.query_type, schema.mutation_type):
        assert isinstance(root, GraphQLObjectType)
        for name, field in root.fields.items():
            assert field.description, name
            assert re.search(r"[.)`]$", field.description.strip()), name
