"""Completes the OpenAPI document that FastAPI derives from the routes.

A route declares its own problems, its rate limit, and whether it reads through the cache. This
package adds what follows from the method, the security, the parameters and the body of a route.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, Literal

from fastapi import FastAPI

from app import errors
from app.errors import AppError
from app.http.cookies import SESSION_COOKIE
from app.http.openapi.curl_examples import INTRODUCTION, SERVER, example
from app.http.openapi.documented_headers import component_headers, headers_of
from app.http.paths import SAFE_METHODS
from app.http.problems import (
    BODY_PROBLEMS,
    SIGN_IN_PROBLEMS,
    add_problem,
    problem_schemas,
    status_of,
)

RATE_LIMIT: Final = "x-rate-limit"
"""The OpenAPI extension with the name of a route's rate limit."""
CACHED: Final[dict[str, Any]] = {"x-cached": True}
"""The `openapi_extra` of a route that reads through the cache."""
NO_STORE: Final[dict[str, Any]] = {"x-no-store": True}
"""The `openapi_extra` of a route whose response must not be stored, and has no ETag."""


def limited_by(policy: Literal["signup", "login", "password", "mail"]) -> dict[str, Any]:
    """Return the `openapi_extra` of a route with a rate limit other than `default`."""
    return {RATE_LIMIT: policy}


_MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer that every JSON parser reads exactly (RFC 8259, section 6)."""
_BOUNDS: Final = {"minimum", "maximum"}
_TAGS: Final = {
    "users": "Accounts: sign up, read, change and delete them.",
    "orders": "A user's orders: place, list, pay, ship or cancel them.",
    "products": "The products that can be ordered. They are public; administrators change them.",
    "graphql": "The same users, products and orders as a graph.",
    "auth": "Sign in, stay signed in, and sign out.",
    "operations": "Health checks for load balancers and orchestrators.",
}
_ENTITY_TAG: Final = r'(W/)?"[!#-~]*"'
_IF_NONE_MATCH: Final = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "the ETag of the version that the client has; 304 if it is current",
    "schema": {"type": "string", "pattern": rf"^(\*|{_ENTITY_TAG}(, *{_ENTITY_TAG})*)$"},
}


def describe(app: FastAPI) -> None:
    """Complete the app's OpenAPI document in place. Call it once, after all routes are added."""
    app.description = INTRODUCTION
    app.servers = [{"url": SERVER, "description": "the server that sent this document"}]
    app.license_info = {"name": "MIT", "identifier": "MIT"}
    document = app.openapi()
    document["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    components = document["components"]
    components["securitySchemes"]["SessionCookie"] = {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "the cookie that `POST /api/auth/session` sets, for browsers",
    }
    components["schemas"].update(problem_schemas())
    components["headers"] = component_headers()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method, path, components["schemas"])
    _bound_integers(document)


def _complete(operation: dict[str, Any], method: str, path: str, schemas: dict[str, Any]) -> None:
    # Every operation that accepts an access token accepts the session cookie, too. The other
    # operations are public.
    security = operation.setdefault("security", [])
    if security:
        security.append({"SessionCookie": []})
    _add_parameters(operation, method, path)
    _add_responses(operation, method)
    for status, response in operation["responses"].items():
        response["headers"] = headers_of(operation, status, with_etag=_has_etag(operation))
    # With PYTHONOPTIMIZE=2, there are no docstrings, so only the name of the operation is left.
    description = operation.get("description", operation["summary"])
    operation["summary"] = description.partition(".")[0]
    command = example(operation, method, path, schemas)
    operation["description"] = f"{description}\n\n```sh\n{command}\n```"


def _add_parameters(operation: dict[str, Any], method: str, path: str) -> None:
    parameters = operation.get("parameters", [])
    if method == "get" and _has_etag(operation):
        parameters.append(_IF_NONE_MATCH)
    for parameter in parameters:
        parameter.setdefault("description", f"the {parameter['name'].replace('_', ' ')}")
    # Path parameters come first, in the order of the path.
    in_path = re.findall(r"{(\w+)}", path)
    parameters.sort(
        key=lambda item: in_path.index(item["name"]) if item["in"] == "path" else len(in_path)
    )
    if parameters:
        operation["parameters"] = parameters


def _has_etag(operation: dict[str, Any]) -> bool:
    """Return whether a success has a body that may be stored, and therefore an ETag."""
    success = min(operation["responses"])
    return "content" in operation["responses"][success] and not operation.get("x-no-store", False)


def _add_responses(operation: dict[str, Any], method: str) -> None:
    responses = operation["responses"]
    for kind in _derived_problems(operation, method):
        add_problem(responses, str(status_of(kind)), kind)
    if method == "get" and _has_etag(operation):
        responses["304"] = {"description": "The client has the current version."}
    operation["responses"] = dict(sorted(responses.items()))


def _derived_problems(operation: dict[str, Any], method: str) -> Iterator[type[AppError]]:
    headers = {item["name"] for item in operation.get("parameters", ()) if item["in"] == "header"}
    # An empty requirement means that the session is optional.
    if operation["security"] and {} not in operation["security"]:
        yield from SIGN_IN_PROBLEMS
    if method.upper() not in SAFE_METHODS:
        # Browsers send the session cookie to every route, even if the route needs no session.
        yield errors.CrossSite
    if "requestBody" in operation:
        yield from BODY_PROBLEMS
    if headers:
        yield errors.MalformedHeader
    if "If-Match" in headers:
        yield errors.PreconditionFailed
        yield errors.PreconditionRequired


def _bound_integers(schema: object) -> None:
    """Give every integer the format int64, and remove maxima above 2**53 - 1.

    JavaScript rounds the largest int64, 2**63 - 1, up to 2**63, which is not an int64. The format
    int64 implies the same maximum without a number.
    """
    if isinstance(schema, list):
        for item in schema:
            _bound_integers(item)
    elif isinstance(schema, dict):
        if schema.get("type") == "integer":
            schema.setdefault("format", "int64")
            if schema.get("maximum", 0) > _MAX_SAFE_INTEGER:
                del schema["maximum"]
            # FastAPI writes each bound as a float.
            schema.update({name: int(schema[name]) for name in _BOUNDS & schema.keys()})
        for item in schema.values():
            _bound_integers(item)
