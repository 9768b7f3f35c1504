"""The session cookie, and the cookie of a sign-in at an identity provider."""

from typing import Final

from fastapi import Response

from app.models.oidc_flows import FLOW_LIFETIME

_ATTRIBUTES: Final = "Secure; HttpOnly; SameSite=Lax; Path=/"
"""Scripts cannot read it; forms of other sites and other hosts do not get it (RFC 6265bis)."""


SESSION_COOKIE: Final = "__Host-session"
"""Browsers accept a cookie with this prefix only from this host, over HTTPS (RFC 6265bis)."""
FLOW_COOKIE: Final = "__Host-oidc"
"""Set during a sign-in at an identity provider."""
_FLOW_MAX_AGE_SECONDS: Final = int(FLOW_LIFETIME.total_seconds())


def with_session_cookie(response: Response, value: str) -> Response:
    """Set the session cookie, which the browser deletes when it is closed."""
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
    """Delete the cookie of a sign-in."""
    response.headers.append("Set-Cookie", f"{FLOW_COOKIE}=; Max-Age=0; {_ATTRIBUTES}")
    return response
