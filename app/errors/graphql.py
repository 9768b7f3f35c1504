"""Errors that the service finds in a GraphQL request before it runs any part of the query."""

from app.errors.base import AppError, Malformed


class QueryError(AppError):
    """The query cannot run. These errors are in `errors` of a GraphQL response."""


class MalformedGraphqlRequest(Malformed):
    code = "malformed-graphql-request"
    happened = "The request does not have the parameters of GraphQL over HTTP."
    why = "For example, it has no `query`, or it is a list of several requests."
    action = (
        "Send one JSON object with the string `query`, and optionally `operationName`, `variables` "
        "and `extensions`. With GET, send them as query parameters."
    )


class MalformedQuery(QueryError):
    code = "malformed-query"
    happened = "The query cannot be parsed."
    why = "The GraphQL query has a syntax error."
    action = "See `locations`."


class InvalidQuery(QueryError):
    code = "invalid-query"
    happened = "The query does not fit the schema."
    why = (
        "A field or an argument is unknown, a variable does not have its type, or the query does "
        "not say which of its operations to run."
    )
    action = "See `message`, and correct the query."


class QueryTooComplex(QueryError):
    code = "query-too-complex"
    happened = "The query is too complex."
    why = (
        "The query is too long, nested too deeply, has too many aliases, or asks for too many rows "
        "or fields. No part of it was run."
    )
    action = "Ask for less at a time."
