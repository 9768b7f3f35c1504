"""The identity provider of the local stack: Canaille, with its users in memory.

The stack runs this module as a process: `python -m lab.provider DIRECTORY PORT REDIRECT_URI…`.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import canaille
from canaille.app import models
from canaille.backends import Backend
from canaille.backends.memory.backend import MemoryBackend
from flask import Flask
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

from lab.stack.config.secrets import load_or_create_password, write_private
from lab.stack.servers.provider import CLIENT_ID, PERSON


def main() -> None:
    """Serve until the process ends."""
    directory, port, *redirect_uris = sys.argv[1:]
    MemoryBackend.do_query = _query
    app = _app(Path(directory), int(port))
    with app.app_context():
        _register(redirect_uris, load_or_create_password(Path(directory) / "client-secret"))
    make_server("127.0.0.1", int(port), app, threaded=True).serve_forever()


def _app(directory: Path, port: int) -> Flask:
    app: Flask = canaille.create_app(
        {
            "SECRET_KEY": load_or_create_password(directory / "cookie-secret"),
            "SERVER_NAME": f"127.0.0.1:{port}",
            "PREFERRED_URL_SCHEME": "http",
            # Canaille's pages also work without scripts. Then the pages load nothing from other
            # servers.
            "CANAILLE": {"DATABASE": "memory", "JAVASCRIPT": False, "HTMX": False},
            "CANAILLE_OIDC": {"ACTIVE_JWKS": [_key(directory / "key.json")]},
        }
    )
    # Add the claim `email_verified`. All addresses in Canaille are confirmed, but Canaille has no
    # setting for this claim.
    app.config["CANAILLE_OIDC"]["USERINFO_MAPPING"]["EMAIL_VERIFIED"] = "true"
    return app


def _key(path: Path) -> dict[str, Any]:
    # The key is created once: after a restart of the provider, the service still knows the key.
    if not path.exists():
        key = RSAKey.generate_key(2048, auto_kid=True)
        write_private(path, json.dumps(key.as_dict(private=True)))
    key_fields: dict[str, Any] = json.loads(path.read_text())
    return key_fields


_query_any: Final = MemoryBackend.do_query


def _query(backend: MemoryBackend, model: type, **conditions: object) -> list[Any]:
    """Return the instances that fulfil all conditions, as `Backend.query` documents.

    Canaille 0.3.6 returns the instances that fulfil at least one condition. If an earlier sign-in
    was not completed, Canaille then may find the code of that sign-in, and refuse the new code.
    """
    if not conditions:
        return list(_query_any(backend, model))
    results = [_query_any(backend, model, **{name: it}) for name, it in conditions.items()]
    ids = set.intersection(*({instance.id for instance in result} for result in results))
    return [instance for instance in results[0] if instance.id in ids]


def _register(redirect_uris: list[str], client_secret: str) -> None:
    person = models.User(
        user_name=PERSON.user_name,
        formatted_name=PERSON.name,
        family_name=PERSON.name,
        emails=[PERSON.email],
        password=PERSON.password,
    )
    client = models.Client(
        client_id=CLIENT_ID,
        client_secret=client_secret,
        client_name="Roundtrip",
        # Canaille trusts this host, so Canaille does not ask users for their consent.
        client_uri="http://127.0.0.1",
        redirect_uris=redirect_uris,
        grant_types=["authorization_code"],
        response_types=["code"],
        scope=["openid", "profile", "email"],
        token_endpoint_auth_method="client_secret_basic",  # noqa: S106 - a method, not a secret
    )
    for model in (person, client):
        Backend.instance.save(model)
    # The audience of the tokens is the client itself, so the client must be saved first.
    client.audience = [client]
    Backend.instance.save(client)


if __name__ == "__main__":
    main()
