"""Errors of the HTTP request itself, independent of its route."""

from dataclasses import dataclass

from app.errors.kinds import AppError, Forbidden, Malformed, Unavailable


class MalformedJson(Malformed):
    code = "malformed-json"
    meaning = "The body is not JSON (RFC 8259), or an object in it has the same key twice."
    detail = "The body is not valid JSON. Check its quotes, commas and brackets."


class MalformedHeader(Malformed):
    code = "malformed-header"
    meaning = "The service cannot read a header that it needs."
    detail = "A request header cannot be read. Check how it is written."


class MalformedCursor(Malformed):
    code = "malformed-cursor"
    meaning = "The cursor does not come from this service, or belongs to another list."
    detail = "The cursor is damaged. Start again without one, and follow the `next` link."


class MalformedHost(Malformed):
    code = "malformed-host"
    meaning = "The Host header is missing, is there twice, or names another service."
    detail = "Send one Host header that names this service."


class MalformedRequest(Malformed):
    code = "malformed-request"
    meaning = "The request breaks a rule of HTTP."
    detail = "The request cannot be read. Check its first line and its headers."


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
    """The request is well-formed, but its content breaks a rule. `errors` lists the values."""

    code = "invalid-content"
    meaning = "The request can be read, but some values break a rule. `errors` lists these values."
    detail = "The request is well-formed, but its content breaks a rule; see `errors`."

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors


class CrossSite(Forbidden):
    code = "cross-site"
    meaning = (
        "The request has a session cookie and changes something, but does not show that a page "
        "of this site has sent it."
    )
    detail = (
        "With a session cookie, changes come from this site's own pages: send "
        "`Sec-Fetch-Site: same-origin` or this site's Origin, or use a bearer token."
    )


class MethodNotAllowed(AppError):
    """The path exists, but not with this method. `allow` lists the methods of the path."""

    code = "method-not-allowed"
    meaning = "The path exists, but not with this method."
    detail = "This path does not support that method; the Allow header lists those it does."

    def __init__(self, allow: tuple[str, ...], detail: str | None = None) -> None:
        super().__init__(detail)
        self.allow = allow


class NotAcceptable(AppError):
    code = "not-acceptable"
    meaning = "The Accept header excludes JSON."
    detail = "This service answers in JSON. Send `Accept: application/json`, or no Accept header."


class UnsupportedMediaType(AppError):
    code = "unsupported-media-type"
    meaning = "The body is not JSON, or it is compressed."
    detail = "Send the body as JSON, with `Content-Type: application/json`."


class ContentTooLarge(AppError):
    code = "content-too-large"
    meaning = "The body is longer than the service accepts."
    detail = "The body is too large. Send less at a time."


class RequestTimeout(AppError):
    code = "request-timeout"
    meaning = "The client took too long to send its body."
    detail = "The body did not arrive in time. Send it again, without a pause."


class PreconditionRequired(AppError):
    code = "precondition-required"
    meaning = "The request does not say which version of the resource it changes."
    detail = "Send `If-Match` with the ETag of the version that you have read."


class PreconditionFailed(AppError):
    code = "precondition-failed"
    meaning = "Another request has changed the resource since you read it."
    detail = "This has changed since you read it. Read it again and repeat your change."


class TooManyRequests(AppError):
    """A rate limit is used up. Its next window starts after `retry_after` seconds."""

    code = "too-many-requests"
    meaning = "A rate limit is used up."
    detail = "The rate limit is used up. Wait as many seconds as the Retry-After header says."

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class Overloaded(Unavailable):
    code = "overloaded"
    meaning = "More requests wait for the hash of a password than the service can answer in time."
    detail = "The service is overloaded. Try again in a few seconds."
    retry_after = 2


class DeadlineExceeded(Unavailable):
    code = "deadline-exceeded"
    meaning = "The request took longer than it may. It may or may not have taken effect."
    detail = (
        "The request took too long and was cancelled. It may or may not have taken effect: "
        "read before you repeat it."
    )


class NotReady(Unavailable):
    code = "not-ready"
    meaning = "This process should get no requests at the moment."
    detail = "This process is not ready for requests."
