"""The OpenAPI document: what FastAPI derives from the routes, with what it cannot know.

That is the problem document, the headers of each response, and for each call a curl
command that can be pasted.
"""

import json
import shlex
from typing import Any, Literal

from fastapi import FastAPI

from app.routers.problems import Problem
from app.schemas.auth import SESSION_COOKIE

RATE_LIMIT = "x-rate-limit"
"""The extension under which a route names the rate limit that it counts towards."""


def limited_by(policy: Literal["signup", "login", "password"]) -> dict[str, str]:
    """Declare a rate limit other than `default`, as `openapi_extra` of a route."""
    return {RATE_LIMIT: policy}


SERVER = "http://localhost:8080"
"""Where the examples send their requests, until the document is served from somewhere else."""

_DESCRIPTION = f"""\
A reference REST API: JSON in, JSON out. Every error is a problem document (RFC 9457) whose
`type` leads to [a page that explains it](/problems).

To try the calls here, sign up with `POST /api/users`, log in with `POST /api/auth/login`, press
**Authorize** and paste the access token. To try them in a shell, sign up and then set what the
examples below use:

```sh
LOGIN=$(curl -s {SERVER}/api/auth/login -H 'Content-Type: application/json' \\
  -d '{{"email": "ahmed@example.com", "password": "correct horse battery"}}')
TOKEN=$(echo "$LOGIN" \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
REFRESH=$(echo "$LOGIN" \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["refresh_token"])')
SESSION=$(curl -s {SERVER}/api/auth/sessions -H "Authorization: Bearer $TOKEN" \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])')
ID=$(curl -s {SERVER}/api/users/me -H "Authorization: Bearer $TOKEN" \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
ETAG=$(curl -sI {SERVER}/api/users/me -H "Authorization: Bearer $TOKEN" \\
  | tr -d '\\r' | sed -n 's/^etag: //Ip')
```

For the examples about products and orders, take a product and order one piece of it:

```sh
PRODUCT=$(curl -s '{SERVER}/api/products?limit=1' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])')
ORDER=$(curl -s {SERVER}/api/users/$ID/orders -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '{{"items": [{{"product_id": '$PRODUCT', "quantity": 1}}]}}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
ORDER_ETAG=$(curl -sI {SERVER}/api/users/$ID/orders/$ORDER -H "Authorization: Bearer $TOKEN" \\
  | tr -d '\\r' | sed -n 's/^etag: //Ip')
PRODUCT_ETAG=$(curl -sI {SERVER}/api/products/$PRODUCT \\
  | tr -d '\\r' | sed -n 's/^etag: //Ip')
```
"""
_VARIABLES = {
    "{user_id}": "$ID",
    "{order_id}": "$ORDER",
    "{product_id}": "$PRODUCT",
    "{session_id}": "$SESSION",
    # The name that the local stack has for its own.
    "{provider}": "local",
}
_CACHED = {
    "read_me",
    "read_user",
    "list_products",
    "read_product",
    "list_orders",
    "read_order",
}
_WITH_ETAG = {"users", "products", "orders"}
_HEADERS = {
    "X-Request-ID": "the id of this request, to be quoted in questions about it",
    "RateLimit-Policy": "the limits that this request counts towards",
    "RateLimit": "what is left of them, and for how many seconds",
}


def describe(app: FastAPI) -> None:
    """Complete the app's OpenAPI document, once, in place."""
    app.description = _DESCRIPTION
    document = app.openapi()
    _add_cookie(document)
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(schema.pop("$defs"))
    schemas["Problem"] = schema
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method, path, schemas)


def _add_cookie(document: dict[str, Any]) -> None:
    """Say that wherever an access token will do, the session cookie will."""
    schemes = document["components"]["securitySchemes"]
    schemes["SessionCookie"] = {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE}
    for operations in document["paths"].values():
        for operation in operations.values():
            if "security" in operation:
                operation["security"].append({"SessionCookie": []})


def _complete(operation: dict[str, Any], method: str, path: str, schemas: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        # The same headers on each problem would bury what differs.
        described = dict(_HEADERS) if status < "400" else {}
        if operation["tags"][0] in _WITH_ETAG and status in {"200", "201"}:
            described["ETag"] = "the version of what is sent, for If-Match and If-None-Match"
        if status == "201":
            described["Location"] = "the path of what was made"
        if status == "303":
            described["Location"] = "where the browser goes on"
        if operation["operationId"] in _CACHED and status in {"200", "304"}:
            described["X-Cache"] = "`hit`, `miss`, or `bypass` when the cache was not asked"
        if operation["operationId"] == "create_order" and status == "201":
            described["Idempotency-Replayed"] = "`true` when this is an earlier answer once more"
        if status in {"429", "503"}:
            described["Retry-After"] = "seconds to wait"
        response["headers"] = {
            header: {"description": text, "schema": {"type": "string"}}
            for header, text in described.items()
        }
    operation["summary"] = operation["description"].partition(".")[0]
    example = _curl(operation, method, path, schemas)
    operation["description"] = f"{operation['description']}\n\n```sh\n{example}\n```"


def _curl(operation: dict[str, Any], method: str, path: str, schemas: dict[str, Any]) -> str:
    parts = ["curl -i"]
    if method != "get":
        parts.append(f"-X {method.upper()}")
    for placeholder, variable in _VARIABLES.items():
        path = path.replace(placeholder, variable)
    parts.append(SERVER + path)
    if "security" in operation:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    parts += [_header(parameter, path) for parameter in _headers(operation)]
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        body = schemas[content["schema"]["$ref"].rpartition("/")[2]]["examples"][0]
        # What is there already: the shell puts it between two quoted strings.
        quoted = (
            shlex.quote(json.dumps(body))
            .replace('"product_id": 1', "\"product_id\": '$PRODUCT'")
            .replace("<token>", "'$REFRESH'")
        )
        parts.append(f"-H 'Content-Type: application/json' -d {quoted}")
    return " \\\n  ".join(parts)


def _headers(operation: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for item in operation.get("parameters", ()) if item["in"] == "header"]


def _header(parameter: dict[str, Any], path: str) -> str:
    if parameter["name"] != "If-Match":
        return f"-H '{parameter['name']}: {parameter['example']}'"
    last = path.rpartition("$")[2]
    return f'-H "If-Match: ${last}_ETAG"' if last != "ID" else '-H "If-Match: $ETAG"'
