"""Errors of the HTTP request itself, independent of its route."""

from dataclasses import dataclass
from typing import Self

from app.errors.base import AppError, Forbidden, Malformed, Unavailable


class MalformedJson(Malformed):
    code = "malformed-json"
    happened = "The body is not valid JSON."
    why = (
        "The body breaks the syntax of JSON (RFC 8259), or an object in it has the same key twice."
    )
    action = "Check its quotes, commas and brackets."


class MalformedHeader(Malformed):
    code = "malformed-header"
    happened = "A request header cannot be read."
    why = (
        "The value of this header breaks the syntax that its standard defines, or the request has "
        "the header twice."
    )
    action = "Check how it is written."


class MalformedCursor(Malformed):
    code = "malformed-cursor"
    happened = "The cursor is damaged."
    why = "The cursor does not come from this service, or belongs to another list."
    action = "Start again without a cursor, and follow the `next` link."


class MalformedHost(Malformed):
    code = "malformed-host"
    happened = "The Host header does not name this service."
    why = "The header is missing, occurs twice, or names another service."
    action = "Send one Host header that names this service."


class MalformedRequest(Malformed):
    code = "malformed-request"
    happened = "The request cannot be read."
    why = "The request breaks a rule of HTTP."
    action = "Check its first line and its headers."


@dataclass(frozen=True)
class FieldError:
    """One invalid value in a request, and its place.

    `pointer` is a JSON Pointer (RFC 6901) into the body. `parameter` names a query or path
    parameter. Either `pointer` or `parameter` is set.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Invalid(AppError):
    """The request is well-formed, but breaks a rule. `errors` lists the invalid values."""

    code = "invalid-content"
    happened = "The request is well-formed, but its content breaks a rule."
    why = "A value is missing, unknown, of the wrong type or outside its limits."
    action = "Correct the values that `errors` lists."

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors

    @classmethod
    def example(cls) -> Self:
        """Return an error about one value."""
        return cls(FieldError("This is required.", pointer="/email"))


class CrossSite(Forbidden):
    code = "cross-site"
    happened = "The request does not show that a page of this site has sent it."
    why = (
        "The request has a session cookie and changes something. A browser may send the cookie "
        "with requests from pages of other sites, too."
    )
    action = "Send `Sec-Fetch-Site: same-origin` or this site's Origin, or use a bearer token."


class MethodNotAllowed(AppError):
    """The path exists, but not with this method. `allow` lists the methods of the path."""

    code = "method-not-allowed"
    happened = "This path does not support that method."
    why = "The path exists, but the API defines only other methods for it."
    action = "Use a method that the Allow header lists."

    def __init__(self, allow: tuple[str, ...], detail: str | None = None) -> None:
        super().__init__(detail)
        self.allow = allow

    @classmethod
    def example(cls) -> Self:
        """Return an error about a path that only allows reads."""
        return cls(("GET", "HEAD", "OPTIONS"))


class NotAcceptable(AppError):
    code = "not-acceptable"
    happened = "The Accept header excludes JSON."
    why = "This service answers in JSON only."
    action = "Send `Accept: application/json`, or no Accept header."


class UnsupportedMediaType(AppError):
    code = "unsupported-media-type"
    happened = "The service does not support this type of body."
    why = "The body is not JSON, or it is compressed."
    action = "Send the body as JSON, with `Content-Type: application/json`."


class ContentTooLarge(AppError):
    code = "content-too-large"
    happened = "The body is too large."
    why = "The service limits the length of a body, and this body is longer."
    action = "Send less at a time."


class RequestTimeout(AppError):
    code = "request-timeout"
    happened = "The body did not arrive in time."
    why = "The client took too long to send the body, or the network was too slow."
    action = "Send it again, without a pause."


class PreconditionRequired(AppError):
    code = "precondition-required"
    happened = "The request does not say which version of the resource it changes."
    why = "Without a version, the request could overwrite a change that you have not seen."
    action = "Send `If-Match` with the ETag of the version that you have read."


class PreconditionFailed(AppError):
    code = "precondition-failed"
    happened = "The resource has changed since you read it."
    why = "Another request has changed the resource, so `If-Match` names an old version."
    action = "Read it again and repeat your change."


class TooManyRequests(AppError):
    """A rate limit is used up. The next window of the limit starts after `retry_after` seconds."""

    code = "too-many-requests"
    happened = "The rate limit is used up."
    why = "You, or others with your IP address, have sent as many requests as the limit allows."
    action = "Wait as many seconds as the Retry-After header says."

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after

    @classmethod
    def example(cls) -> Self:
        """Return an error about a window that ends in 30 seconds."""
        return cls(retry_after=30)


class Overloaded(Unavailable):
    code = "overloaded"
    happened = "The service is overloaded."
    why = "More requests wait for the hash of a password than the service can answer in time."
    action = "Try again in a few seconds."
    retry_after = 2


class DeadlineExceeded(Unavailable):
    code = "deadline-exceeded"
    happened = "The request took too long and was cancelled. It may or may not have taken effect."
    why = (
        "The service limits the time of a request, and a part that the request needs was too slow."
    )
    action = "Read the data before you repeat the request."


class NotReady(Unavailable):
    code = "not-ready"
    happened = "This process is not ready for requests."
    why = "The process is shutting down, or PostgreSQL does not answer."
    action = "Send requests to another process."
