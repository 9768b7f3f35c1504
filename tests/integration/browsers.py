"""A browser that signs in with OpenID Connect. Its identity provider runs in the test."""

from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx2

from tests.accounts import Account
from tests.integration.hostile_provider import HostileProvider

OIDC = "/api/auth/oidc/test"


class Browser:
    """A browser that keeps all cookies of one service. It sends even Secure cookies over HTTP."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self.cookies: dict[str, Morsel[str]] = {}

    def request(self, method: str, url: str, **options: Any) -> httpx2.Response:
        """Send a request with the cookies, and keep the cookies of the response."""
        sent = "; ".join(f"{name}={cookie.value}" for name, cookie in self.cookies.items())
        headers = {**({"Cookie": sent} if sent else {}), **options.pop("headers", {})}
        response = self._client.request(method, url, headers=headers, **options)
        for line in response.headers.get_list("set-cookie"):
            self.cookies.update(SimpleCookie(line))
        self.cookies = {n: cookie for n, cookie in self.cookies.items() if cookie["max-age"] != "0"}
        return response

    def begin(self, return_to: str | None = None) -> str:
        """Start a sign-in, and return the provider's URL to which the service redirects."""
        query = {} if return_to is None else {"return_to": return_to}
        response = self.request("GET", f"{OIDC}/login", params=query)
        assert response.status_code == 303, response.text
        assert response.headers["Cache-Control"] == "no-store"
        return str(response.headers["Location"])

    def begin_link(self, account: Account) -> str:
        """Start to link an identity to an account, and return the provider's URL."""
        response = self.request("POST", f"{OIDC}/link", headers=account.auth)
        assert response.status_code == 200, response.text
        return str(response.json()["authorization_url"])

    def finish(self, callback_parameters: dict[str, str]) -> httpx2.Response:
        """Call the callback with the parameters of the provider."""
        return self.request("GET", f"{OIDC}/callback", params=callback_parameters)

    def sign_in(self, provider: HostileProvider, **claims: Any) -> httpx2.Response:
        """Sign in from start to callback, and return the response to the callback."""
        return self.finish(provider.authorize(self.begin(), **claims))

    def me(self) -> dict[str, Any]:
        """Return the account that this browser is signed in to."""
        response = self.request("GET", "/api/users/me")
        assert response.status_code == 200, response.text
        account: dict[str, Any] = response.json()
        return account
