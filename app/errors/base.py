"""The general kinds of errors. Every other error is a subclass of one of these classes."""

from collections.abc import Callable
from typing import ClassVar, Self, TypeVar

_T = TypeVar("_T")


class AppError(Exception):
    """An error that is sent to the client.

    `happened`, `why` and `action` are whole sentences without values that the client has sent.
    """

    code: ClassVar[str]
    """A stable name that clients can branch on."""
    happened: ClassVar[str]
    why: ClassVar[str]
    """The cause. Only the page about this error shows it."""
    action: ClassVar[str]
    """What the client should do next."""

    def __init__(self, detail: str | None = None) -> None:
        """Without `detail`, the client gets `happened` and `action`."""
        self.detail = detail or f"{self.happened} {self.action}"
        super().__init__(self.detail)

    @classmethod
    def example(cls) -> Self:
        """Return an error with typical values, for the page about this error."""
        return cls()


class Malformed(AppError):
    """The syntax of the request is broken."""


class Unauthenticated(AppError):
    """The caller is not signed in."""

    code = "unauthenticated"
    happened = "This request needs a signed-in user."
    why = "The request has neither an access token nor a session cookie."
    action = "Log in first and send the access token as `Authorization: Bearer <token>`."


class Forbidden(AppError):
    """The caller is signed in, but is not allowed to do this."""

    code = "forbidden"
    happened = "Your role does not allow this."
    why = "Only an administrator may do this, or only the owner of the account."
    action = "Sign in with an account that may do this."


class NotFound(AppError):
    """The resource does not exist, or belongs to another user: the response does not show which."""

    code = "not-found"
    happened = "There is nothing here."
    why = "Nothing exists at this address, or it belongs to another user."
    action = "Check the path and the id."


def existing(found: _T | None, error: Callable[[], AppError] = NotFound) -> _T:
    """Return `found`, or raise `error()` if `found` is None."""
    if found is None:
        raise error()
    return found


class Conflict(AppError):
    """The request contradicts the current state."""


class Unavailable(AppError):
    """A part that the request needs is unavailable. Another attempt may succeed."""

    code = "unavailable"
    happened = "A part of the service is unavailable."
    why = "A part that the request needs, such as the database, does not answer."
    action = "Try again in a few seconds."
    retry_after = 1
    """The number of seconds after which the client should try again."""


class InternalError(AppError):
    """A defect of the service. The log has its cause, in the line with the request id."""

    code = "internal-error"
    happened = "An internal error occurred."
    why = "The service has a defect. Its log has the cause, in the line with the request id."
    action = "Quote the request id when you report it."
