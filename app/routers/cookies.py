"""Cookies: the session's, and that of a sign-in under way; given to browsers, and taken back."""

from typing import Final

from fastapi import Response

from app.schemas.auth import SESSION_COOKIE

_ATTRIBUTES: Final = "Secure; HttpOnly; SameSite=Lax; Path=/"
"""No script reads it, no other site's form sends it, no other host gets it (RFC 6265bis)."""


FLOW_COOKIE: Final = "__Host-oidc"
_TEN_MINUTES: Final = 600


def with_session_cookie(response: Response, value: str) -> Response:
    """Hand out a session's cookie. It ends with the browser; the session has an end of its own."""
    response.headers.append("Set-Cookie", f"{SESSION_COOKIE}={value}; {_ATTRIBUTES}")
    return response


def without_session_cookie(response: Response) -> Response:
    """Take the cookie back."""
    response.headers.append("Set-Cookie", f"{SESSION_COOKIE}=; Max-Age=0; {_ATTRIBUTES}")
    return response


def with_flow_cookie(response: Response, value: str) -> Response:
    """Let a browser be known again when it comes back from an identity provider."""
    cookie = f"{FLOW_COOKIE}={value}; Max-Age={_TEN_MINUTES}; {_ATTRIBUTES}"
    response.headers.append("Set-Cookie", cookie)
    return response


def without_flow_cookie(response: Response) -> Response:
    """Take that one back."""
    response.headers.append("Set-Cookie", f"{FLOW_COOKIE}=; Max-Age=0; {_ATTRIBUTES}")
    return response
