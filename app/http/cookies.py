"""The session cookie, and the cookie of a sign-in at an identity provider."""

from typing import Final

from fastapi import Response

from app.models.oidc_flows import FLOW_LIFETIME

_ATTRIBUTES: Final = "Secure; HttpOnly; SameSite=Lax; Path=/"
"""Scripts cannot read the cookie. Browsers do not send it with POST forms of other sites, nor to
other hosts (RFC 6265bis)."""

SESSION_COOKIE: Final = "__Host-session"
"""Browsers accept a cookie with this prefix only from this host, over HTTPS (RFC 6265bis)."""
FLOW_COOKIE: Final = "__Host-oidc"
"""The cookie of a sign-in at an identity provider."""
_FLOW_MAX_AGE_SECONDS: Final = int(FLOW_LIFETIME.total_seconds())


def with_session_cookie(response: Response, value: str) -> Response:
    """Set the session cookie. A browser deletes this cookie when the browser is closed."""
    response.headers.append("Set-Cookie", f"{SESSION_COOKIE}={value}; {_ATTRIBUTES}")
    return response


def without_session_cookie(response: Response) -> Response:
    """Delete the session cookie."""
    response.headers.append("Set-Cookie", f"{SESSION_COOKIE}=; Max-Age=0; {_ATTRIBUTES}")
    return response


def with_flow_cookie(response: Response, value: str) -> Response:
    """Set the cookie that identifies the browser when it returns from an identity provider."""
    cookie = f"{FLOW_COOKIE}={value}; Max-Age={_FLOW_MAX_AGE_SECONDS}; {_ATTRIBUTES}"
    response.headers.append("Set-Cookie", cookie)
    return response


def without_flow_cookie(response: Response) -> Response:
    """Delete the cookie of a sign-in at an identity provider."""
    response.headers.append("Set-Cookie", f"{FLOW_COOKIE}=; Max-Age=0; {_ATTRIBUTES}")
    return response
