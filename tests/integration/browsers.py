"""A browser that goes to an identity provider and comes back, as far as cookies and URLs go."""

from http.cookies import Morsel, SimpleCookie
from typing import Any

import httpx2

from tests.accounts import Account
from tests.integration.hostile_provider import HostileProvider

OIDC = "/api/auth/oidc/test"


class Browser:
    """Keeps the cookies of one service, the secure ones too, as if it spoke HTTPS."""

    def __init__(self, client: httpx2.Client) -> None:
        self._client = client
        self.cookies: dict[str, Morsel[str]] = {}

    def request(self, method: str, url: str, **options: Any) -> httpx2.Response:
        """Send a request with the cookies, and keep those that come back."""
        sent = "; ".join(f"{name}={cookie.value}" for name, cookie in self.cookies.items())
        headers = {**({"Cookie": sent} if sent else {}), **options.pop("headers", {})}
        response = self._client.request(method, url, headers=headers, **options)
        for line in response.headers.get_list("set-cookie"):
            self.cookies.update(SimpleCookie(line))
        self.cookies = {n: cookie for n, cookie in self.cookies.items() if cookie["max-age"] != "0"}
        return response

    def begin(self, return_to: str | None = None) -> str:
        """Ask to sign in, and return where the service sends this browser."""
        query = {} if return_to is None else {"return_to": return_to}
        response = self.request("GET", f"{OIDC}/login", params=query)
        assert response.status_code == 303, response.text
        assert response.headers["Cache-Control"] == "no-store"
        return str(response.headers["Location"])

    def begin_link(self, account: Account) -> str:
        """Ask to link an identity to an account, and return where to go for it."""
        response = self.request("POST", f"{OIDC}/link", headers=account.auth)
        assert response.status_code == 200, response.text
        return str(response.json()["authorization_url"])

    def finish(self, brought: dict[str, str]) -> httpx2.Response:
        """Come back with what the provider gave."""
        return self.request("GET", f"{OIDC}/callback", params=brought)

    def sign_in(self, provider: HostileProvider, **claims: Any) -> httpx2.Response:
        """Do the whole dance, and return how it ends."""
        return self.finish(provider.authorize(self.begin(), **claims))

    def me(self) -> dict[str, Any]:
        """Return the account that this browser is signed in to."""
        response = self.request("GET", "/api/users/me")
        assert response.status_code == 200, response.text
        account: dict[str, Any] = response.json()
        return account
