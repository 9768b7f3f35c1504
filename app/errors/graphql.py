"""Errors of a GraphQL request, before any of it runs."""

from app.errors.kinds import AppError, Malformed


class MalformedGraphqlRequest(Malformed):
    code = "malformed-graphql-request"
    meaning = (
        "The request does not have the parameters of GraphQL over HTTP. For example, it is a list "
        "of several requests."
    )
    detail = (
        "Send one JSON object with the string `query`, and optionally `operationName`, "
        "`variables` and `extensions`. With GET, send them as query parameters."
    )


class MalformedQuery(Malformed):
    code = "malformed-query"
    meaning = "The GraphQL query has a syntax error."
    detail = "The query cannot be parsed. See `locations`."


class InvalidQuery(AppError):
    code = "invalid-query"
    meaning = (
        "The GraphQL query can be parsed, but does not fit the schema, its variables do not have "
        "their types, or it does not say which operation to run."
    )
    detail = "The query does not fit the schema."


class QueryTooComplex(AppError):
    code = "query-too-complex"
    meaning = (
        "The GraphQL query is too long, nested too deeply, has too many aliases, or asks for too "
        "many rows or fields. No part of it was run."
    )
    detail = "The query is too complex. Ask for less at a time."
