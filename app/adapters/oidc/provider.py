"""A client of identity providers: authorization code flow (OpenID Connect Core, section 3.1).

The client uses OpenID Connect Discovery, PKCE (RFC 7636) and the `iss` parameter (RFC 9207).
"""

import asyncio
import base64
import hashlib
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote_plus, urlencode

import structlog
from pydantic import BaseModel, ValidationError

from app.adapters.oidc.cached_document import CachedDocument
from app.adapters.oidc.fetching import Fetcher, FetchResponse
from app.adapters.oidc.id_tokens import (
    ALGORITHMS,
    IdTokenClaims,
    Jwk,
    find_key,
    verify,
)
from app.errors import OidcRefused, ProviderUnavailable, existing
from app.models import OidcFlow
from app.settings import Provider

_log = structlog.get_logger()
_OK = 200
_DISCOVERY_PATH = "/.well-known/openid-configuration"
_MAX_CODE_CHARACTERS = 4096


class _Metadata(BaseModel):
    """The part of a provider's metadata that the service needs (Discovery, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    id_token_signing_alg_values_supported: list[str]
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


class _KeySet(BaseModel):
    keys: list[dict[str, object]]


class _Tokens(BaseModel):
    id_token: str


class IdentityProvider:
    """The client of one provider. It caches the provider's metadata and keys.

    A method that needs the provider raises `ProviderUnavailable` if the provider sends no valid
    response within `seconds`.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        local: bool,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._seconds = seconds
        self._fetcher = Fetcher(provider, local=local, seconds=seconds)
        self._metadata = CachedDocument(self._fetch_metadata, clock)
        self._keys = CachedDocument(self._fetch_keys, clock)

    async def authorization_url(self, flow: OidcFlow, *, state: str) -> str:
        """Return the URL to redirect the browser to (OpenID Connect Core, section 3.1.2.1)."""
        metadata = await self._metadata.get()
        digest = hashlib.sha256(flow.code_verifier.encode()).digest()
        query = {
            "response_type": "code",
            "scope": "openid email profile",
            "client_id": self._provider.client_id,
            "redirect_uri": flow.redirect_uri,
            "state": state,
            "nonce": flow.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        endpoint = metadata.authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def redeem(self, code: str, flow: OidcFlow, *, issuer: str | None) -> IdTokenClaims:
        """Exchange an authorization code for the verified claims about the user.

        `issuer` is the `iss` parameter that came with the code. Raises `OidcRefused` if the
        code, the issuer or the ID token is invalid.
        """
        if len(code) > _MAX_CODE_CHARACTERS:
            raise OidcRefused
        try:
            async with asyncio.timeout(self._seconds):
                metadata = await self._metadata.get()
                iss_expected = metadata.authorization_response_iss_parameter_supported
                if (issuer or iss_expected) and issuer != self._provider.issuer:
                    raise OidcRefused
                token = await self._exchange(code, flow, metadata)
                key = await self._key(token)
        except TimeoutError as error:
            raise ProviderUnavailable from error
        algorithms = ALGORITHMS.intersection(metadata.id_token_signing_alg_values_supported)
        return verify(token, key, self._provider, nonce=flow.nonce, algorithms=algorithms)

    async def close(self) -> None:
        """Close the connections."""
        await self._fetcher.close()

    async def _exchange(self, code: str, flow: OidcFlow, metadata: _Metadata) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": flow.redirect_uri,
            "code_verifier": flow.code_verifier,
        }
        secret = self._provider.client_secret.get_secret_value()
        authorization = None
        if "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            # RFC 6749, section 2.3.1.
            pair = f"{quote_plus(self._provider.client_id)}:{quote_plus(secret)}"
            authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": self._provider.client_id, "client_secret": secret}
        response = await self._fetcher.post(
            metadata.token_endpoint, form, authorization=authorization
        )
        if response.status != _OK:
            # The provider's error text is not logged, because it may quote the code.
            _log.warning("code_refused", provider=self._provider.name, status=response.status)
            raise OidcRefused
        return _parse(_Tokens, response).id_token

    async def _key(self, token: str) -> Jwk:
        key = find_key(token, await self._keys.get())
        # The provider may have added the key since the last fetch.
        key = key or find_key(token, await self._keys.get_newer())
        return existing(key, OidcRefused)

    async def _fetch_metadata(self) -> _Metadata:
        response = await self._fetcher.get(self._provider.issuer.rstrip("/") + _DISCOVERY_PATH)
        metadata = _parse(_Metadata, response)
        # The issuer must be the configured issuer (Discovery, section 4.3). The endpoints must be
        # on listed hosts: the service redirects browsers and sends requests to the endpoints.
        endpoints = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
        is_same_issuer = metadata.issuer == self._provider.issuer
        if not is_same_issuer or not all(map(self._fetcher.may_fetch, endpoints)):
            _log.warning("metadata_refused", provider=self._provider.name)
            raise ProviderUnavailable
        return metadata

    async def _fetch_keys(self) -> list[dict[str, object]]:
        metadata = await self._metadata.get()
        return _parse(_KeySet, await self._fetcher.get(metadata.jwks_uri)).keys


_Model = TypeVar("_Model", bound=BaseModel)


def _parse(model: type[_Model], response: FetchResponse) -> _Model:
    try:
        if response.status == _OK:
            return model.model_validate(response.json)
    except ValidationError as error:
        _log.warning("provider_response_invalid", document=model.__name__)
        raise ProviderUnavailable from error
    _log.warning("provider_response_refused", document=model.__name__, status=response.status)
    raise ProviderUnavailable
