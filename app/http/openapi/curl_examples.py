"""The examples of the API documentation: a curl command for each operation."""

import json
import re
import shlex
from typing import Any, Final
from urllib.parse import quote, urlencode

SERVER: Final = "http://localhost:8080"
"""The address in the examples. `routers/pages/docs.py` replaces it with the real address."""

INTRODUCTION: Final = """\
A reference REST API: JSON in, JSON out. Sign up, log in, and send the token:

```sh
curl {SERVER}/api/users -H 'Content-Type: application/json' \\
  -d '{"name": "Ahmed", "email": "ahmed@example.com", "password": "correct horse battery"}'
TOKEN=$(curl -s {SERVER}/api/auth/login -H 'Content-Type: application/json' \\
  -d '{"email": "ahmed@example.com", "password": "correct horse battery"}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
curl {SERVER}/api/users/me -H "Authorization: Bearer $TOKEN"
```

The other examples use `$TOKEN`, too. To send a call from this page, press **Authorize** and paste
the token. When it has expired, [refresh it]({SERVER}/docs#/auth/refresh). Each error has
[a page that explains it]({SERVER}/problems).
""".replace("{SERVER}", SERVER)
"""The description of the API, with the commands for a first call."""
_COMMANDS: Final = {
    "REFRESH": """\
$(curl -s {SERVER}/api/auth/login -H 'Content-Type: application/json' \\
  -d '{"email": "ahmed@example.com", "password": "correct horse battery"}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["refresh_token"])')""",
    "SESSION": """\
$(curl -s {SERVER}/api/auth/sessions -H "Authorization: Bearer $TOKEN" \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])')""",
    "ID": """\
$(curl -s {SERVER}/api/users/me -H "Authorization: Bearer $TOKEN" \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')""",
    "ETAG": """\
$(curl -sI {SERVER}/api/users/me -H "Authorization: Bearer $TOKEN" \\
  | tr -d '\\r' | sed -n 's/^etag: //Ip')""",
    "PRODUCT": """\
$(curl -s '{SERVER}/api/products?limit=1' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0]["id"])')""",
    "PRODUCT_ETAG": """\
$(curl -sI {SERVER}/api/products/$PRODUCT | tr -d '\\r' | sed -n 's/^etag: //Ip')""",
    "ORDER": """\
$(curl -s {SERVER}/api/users/$ID/orders -H "Authorization: Bearer $TOKEN" \\
  -H 'Content-Type: application/json' \\
  -d '{"items": [{"product_id": '$PRODUCT', "quantity": 1}]}' \\
  | python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')""",
    "ORDER_ETAG": """\
$(curl -sI {SERVER}/api/users/$ID/orders/$ORDER -H "Authorization: Bearer $TOKEN" \\
  | tr -d '\\r' | sed -n 's/^etag: //Ip')""",
}
"""The shell variables of the examples, each with the command that prints its value.

A command uses only variables of earlier commands, and `$TOKEN`, which the introduction sets.
"""
_VARIABLE: Final = re.compile(r"\$(\w+)")
_PLACEHOLDERS = {
    "{user_id}": "$ID",
    "{order_id}": "$ORDER",
    "{product_id}": "$PRODUCT",
    "{session_id}": "$SESSION",
    # No command sets a variable for this id: `list_identities` returns the ids.
    "{identity_id}": "1",
    # The identity provider of the local stack.
    "{provider}": "local",
}


def example(operation: dict[str, Any], method: str, path: str, schemas: dict[str, Any]) -> str:
    """Return the curl command of an operation, after the commands that set its variables."""
    parts = ["curl -i"]
    if method != "get":
        parts.append(f"-X {method.upper()}")
    for placeholder, variable in _PLACEHOLDERS.items():
        path = path.replace(placeholder, variable)
    query = urlencode(_required_query(operation), quote_via=quote)
    parts.append(shlex.quote(f"{SERVER}{path}?{query}") if query else SERVER + path)
    if operation["security"]:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    parts += [_header(parameter, path) for parameter in _headers(operation)]
    if "requestBody" in operation:
        content = operation["requestBody"]["content"]["application/json"]
        body = schemas[content["schema"]["$ref"].rpartition("/")[2]]["examples"][0]
        # Shell variables replace these two values. Each variable is outside the single quotes,
        # because the shell expands no variable inside them.
        quoted = (
            shlex.quote(json.dumps(body))
            .replace('"product_id": 1', "\"product_id\": '$PRODUCT'")
            .replace("<token>", "'$REFRESH'")
        )
        parts.append(f"-H 'Content-Type: application/json' -d {quoted}")
    return _with_variables(" \\\n  ".join(parts))


def _with_variables(command: str) -> str:
    lines = [command]
    for variable, value in reversed(_COMMANDS.items()):
        if variable in _VARIABLE.findall("\n".join(lines)):
            lines.insert(0, f"{variable}={value.replace('{SERVER}', SERVER)}")
    return "\n".join(lines)


def _required_query(operation: dict[str, Any]) -> dict[str, str]:
    return {
        item["name"]: item["schema"]["examples"][0]
        for item in operation.get("parameters", ())
        if item["in"] == "query" and item["required"]
    }


def _headers(operation: dict[str, Any]) -> list[dict[str, Any]]:
    # The example is a first read, so the client has no ETag for If-None-Match.
    return [
        item
        for item in operation.get("parameters", ())
        if item["in"] == "header" and item["name"] != "If-None-Match"
    ]


def _header(parameter: dict[str, Any], path: str) -> str:
    if parameter["name"] != "If-Match":
        return f"-H '{parameter['name']}: {parameter['example']}'"
    last = path.rpartition("$")[2]
    return f'-H "If-Match: ${last}_ETAG"' if last != "ID" else '-H "If-Match: $ETAG"'
