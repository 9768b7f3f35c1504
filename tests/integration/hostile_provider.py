"""An OpenID Connect provider for tests. A test can make it break any rule of the protocol."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

CLIENT_ID = "roundtrip"
CLIENT_SECRET = "the-client's:secret/%+"
"""This secret contains characters that must be escaped in a header."""
DISCOVERY, TOKEN, KEYS = "/.well-known/openid-configuration", "/token", "/keys"

Response = tuple[int, Mapping[str, str], bytes]


class Key:
    """A key pair, and the JWK that the provider publishes for it."""

    def __init__(self) -> None:
        self.id = secrets.token_hex(8)
        self.private = ec.generate_private_key(ec.SECP256R1())
        public = jwt.algorithms.ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        self.jwk = {**public, "kid": self.id, "use": "sig", "alg": "ES256"}


@dataclass
class HostileProvider:
    """A provider that follows the protocol, unless a test changes one of these attributes."""

    url: str
    key: Key = field(default_factory=Key)
    claims: dict[str, Any] = field(default_factory=dict)
    """Claims that replace those of the next ID tokens. The value None removes a claim."""
    metadata: dict[str, Any] = field(default_factory=dict)
    sign: Callable[[dict[str, Any]], str] | None = None
    respond: dict[str, Callable[[], Response]] = field(default_factory=dict)
    """Functions by path. Each returns the response that replaces the correct response."""
    requests: list[str] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a service that uses this provider."""
        return {
            "OIDC_NAME": "test",
            "OIDC_ISSUER": self.url,
            "OIDC_CLIENT_ID": CLIENT_ID,
            "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        }

    def authorize(self, authorization_url: str, **claims: Any) -> dict[str, str]:
        """Sign a user in. Return the parameters with which the browser is redirected back."""
        parameters = {
            name: value for name, (value,) in parse_qs(urlsplit(authorization_url).query).items()
        }
        code = secrets.token_urlsafe(16)
        self.codes[code] = parameters
        self.claims = claims
        return {"code": code, "state": parameters["state"], "iss": self.url}

    def respond_to(
        self, method: str, path: str, authorization: str | None, body: bytes
    ) -> Response:
        """Return the response to a request of the service."""
        self.requests.append(f"{method} {path}")
        self.authorizations.append(authorization)
        if path in self.respond:
            return self.respond[path]()
        if path == DISCOVERY:
            return as_json(self._metadata())
        if path == KEYS:
            return as_json({"keys": [self.key.jwk]})
        return self._tokens({name: value for name, (value,) in parse_qs(body.decode()).items()})

    def count(self, path: str) -> int:
        """Return how many requests for a path the provider has received."""
        return sum(request.endswith(f" {path}") for request in list(self.requests))

    def id_token(self, claims: Mapping[str, Any]) -> str:
        """Return a correctly signed ID token with these claims."""
        return jwt.encode(dict(claims), self.key.private, "ES256", headers={"kid": self.key.id})

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}{TOKEN}",
            "jwks_uri": f"{self.url}{KEYS}",
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "ES256"],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def _tokens(self, form: dict[str, str]) -> Response:
        parameters = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            parameters is None
            or parameters["code_challenge_method"] != "S256"
            or parameters["code_challenge"] != challenge
            or parameters["redirect_uri"] != form["redirect_uri"]
        ):
            return as_json({"error": "invalid_grant", "error_description": form["code"]}, 400)
        token = (self.sign or self.id_token)(self._claims(parameters))
        return as_json(
            {"access_token": "canary-access-token", "token_type": "Bearer", "id_token": token}
        )

    def _claims(self, parameters: Mapping[str, str]) -> dict[str, Any]:
        now = int(time.time())
        subject = secrets.token_hex(8)
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": subject,
            "iat": now,
            "exp": now + 60,
            "nonce": parameters["nonce"],
            "email": f"{subject}@example.com",
            "email_verified": True,
            "name": "Ines",
            **self.claims,
        }
        return {name: value for name, value in claims.items() if value is not None}


def as_json(document: object, status: int = 200) -> Response:
    """Return a JSON response."""
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


@contextmanager
def hostile_provider() -> Iterator[HostileProvider]:
    """Run a provider on the loopback interface. Afterwards, its port refuses connections."""

    class Handler(BaseHTTPRequestHandler):
        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, content = provider.respond_to(
                self.command, self.path, self.headers["Authorization"], body
            )
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _handle  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Do not log."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, *_: object) -> None:
            """Ignore errors: in some tests, the client closes the connection early."""

    with Server(("127.0.0.1", 0), Handler) as server:
        provider = HostileProvider(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
