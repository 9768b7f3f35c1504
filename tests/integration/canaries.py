"""Secrets that tests send wherever possible, and then search for in logs and responses."""

import secrets

import httpx2

from tests.accounts import Account, new_email, signup_body


def canaries() -> dict[str, str]:
    """Return secrets that are easy to find in a log or a response."""
    mark = secrets.token_hex(8)
    return {
        "password": f"canary password {mark}",
        "new password": f"canary new password {mark}",
        "token": f"canary.token.{mark}",
        "cookie": f"canary-cookie-{mark}",
        "query": f"canary-query-{mark}",
    }


def drive(client: httpx2.Client, account: Account, canary: dict[str, str]) -> list[httpx2.Response]:
    """Send the secrets in requests that succeed and in requests that fail in several ways."""
    auth = {"Authorization": f"Bearer {canary['token']}", "Cookie": f"a={canary['cookie']}"}
    password, email = canary["password"], account.email
    change = {"current_password": password, "new_password": canary["new password"]}
    reset = {"new_password": canary["new password"]}
    return [
        client.post("/api/users", json=signup_body(password=password)),
        client.post("/api/users", json=signup_body(name="", password=password)),
        client.post("/api/users", json=signup_body(password=[password])),
        client.post("/api/users", json={**signup_body(), "passwort": password}),
        *[
            client.post("/api/auth/login", json={"email": email, "password": password})
            for _ in range(5)
        ],
        client.get("/api/users/me", headers=auth),
        client.put(f"{account.url}/password", json=change, headers=account.auth),
        client.put(f"{account.url}/password", json={**change, "x": 1}, headers=account.auth),
        client.put(
            f"{account.url}/email",
            json={"email": new_email(), "current_password": password},
            headers=account.auth,
        ),
        client.put("/api/auth/email-confirmation", json={"token": canary["token"]}),
        client.put("/api/auth/password-reset", json={**reset, "token": canary["token"]}),
        client.get(f"/api/users?limit={canary['query']}", headers={**account.auth, **auth}),
        client.get(f"/nothing/{canary['query']}?{canary['query']}", headers=auth),
        client.post("/api/users", content=f'{{"password": "{password}'),
        *_graphql(client, account, canary),
    ]


def _graphql(
    client: httpx2.Client, account: Account, canary: dict[str, str]
) -> list[httpx2.Response]:
    """Send the secrets in GraphQL queries, as literals and as variables."""
    password = canary["password"]
    literal = (
        f'mutation {{ signUp(name: "A", email: "{new_email()}", password: "{password}") {{ id }} }}'
    )
    by_variable = f"""mutation ($password: String!) {{
        signUp(name: "A", email: "{new_email()}", password: $password) {{ id }}
    }}"""
    return [
        *[
            client.post("/graphql", json={"query": query}, headers=account.auth)
            for query in (
                literal,
                literal[:-5],
                literal.replace("name", "nam"),
                literal.replace('"A"', f'"{password}" "{password}"'),
                f'{{ user(id: "{canary["query"]}") {{ id }} }}',
                f'{{ products(first: "{canary["query"]}") {{ nodes {{ id }} }} }}',
            )
        ],
        *[
            client.post("/graphql", json={"query": by_variable, "variables": {"password": value}})
            for value in (password, [password])
        ],
        client.get("/graphql", params={"query": f'{{ user(id: "{canary["query"]}") {{ id }} }}'}),
    ]
