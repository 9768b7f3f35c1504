"""The general kinds of errors. Every other error is a subclass of one of these classes."""

from collections.abc import Callable
from typing import ClassVar, TypeVar

_T = TypeVar("_T")


class AppError(Exception):
    """An error that is sent to the client."""

    code: ClassVar[str]
    """A stable name that clients can branch on."""
    meaning: ClassVar[str]
    """What has happened, for the page about this error."""
    detail: str = ""
    """A whole sentence that says what to do next. It never repeats what the client sent."""

    def __init__(self, detail: str | None = None) -> None:
        if detail is not None:
            self.detail = detail
        super().__init__(self.detail)


class Malformed(AppError):
    """The syntax of the request is broken."""


class Unauthenticated(AppError):
    """The caller is not signed in."""

    code = "unauthenticated"
    meaning = "The request has neither an access token nor a session cookie, and needs one."
    detail = "Log in first and send the access token as `Authorization: Bearer <token>`."


class Forbidden(AppError):
    """The caller is signed in, and may not do this."""

    code = "forbidden"
    meaning = "You are signed in, but your account may not do this."
    detail = "Your role does not allow this."


class NotFound(AppError):
    """The resource does not exist, or belongs to another user: the response does not show which."""

    code = "not-found"
    meaning = "Nothing exists at this address, or it belongs to another user."
    detail = "There is nothing here. Check the path and the id."


def existing(found: _T | None, error: Callable[[], AppError] = NotFound) -> _T:
    """Return `found`. If it is None, raises an `error`, by default `NotFound`."""
    if found is None:
        raise error()
    return found


class Conflict(AppError):
    """The request contradicts the current state."""


class Unavailable(AppError):
    """A part that the request needs is unavailable. Another attempt may succeed."""

    code = "unavailable"
    meaning = "A part that the request needs, such as the database, is unavailable."
    detail = "A part of the service is unavailable. Try again in a few seconds."
    retry_after = 1
    """The number of seconds after which the client should try again."""


class InternalError(AppError):
    """A defect of the service. The log has its cause, in the line with the request id."""

    code = "internal-error"
    meaning = "The service has a defect. Its log has the cause, in the line with the request id."
    detail = "An internal error occurred. Quote the request id when you report it."
