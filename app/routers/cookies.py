"""The session cookie: given to browsers, and taken back."""

from fastapi import Response

from app.schemas.auth import SESSION_COOKIE


def with_session_cookie(response: Response, value: str) -> Response:
    """Hand out a session's cookie (RFC 6265bis).

    No script reads it, no other site's form sends it, no other host gets it. It ends with the
    browser; the session itself has an end of its own.
    """
    response.set_cookie(SESSION_COOKIE, value, path="/", secure=True, httponly=True, samesite="lax")
    return response


def without_session_cookie(response: Response) -> Response:
    """Take the cookie back."""
    response.delete_cookie(SESSION_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return response
