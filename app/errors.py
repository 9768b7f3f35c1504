"""What can go wrong, in the words of the domain.

A kind (`NotFound`, `Conflict`, …) says what sort of trouble it is; a concrete error
below it carries the stable `code` that clients can branch on and the sentence that
people read. No HTTP status stands here: `routers/problems.py` maps kinds to statuses.
"""

from dataclasses import dataclass
from typing import ClassVar


class AppError(Exception):
    """Something that the caller may be told about.

    `code` is a stable slug; `detail` is a whole sentence that says what to do next and
    never repeats what the caller sent.
    """

    code: ClassVar[str]
    detail: str = ""

    def __init__(self, detail: str | None = None) -> None:
        if detail is not None:
            self.detail = detail
        super().__init__(self.detail)


class Malformed(AppError):
    """The syntax is broken, so that there is nothing to judge."""


class MalformedJson(Malformed):
    """The body is not JSON (RFC 8259), or has the same key twice."""

    code = "malformed-json"
    detail = "The body is not valid JSON. Check its quotes, commas and brackets."


class MalformedHeader(Malformed):
    """A header that the service acts on cannot be read."""

    code = "malformed-header"
    detail = "A request header cannot be read. Check how it is written."


class MalformedCursor(Malformed):
    """A pagination cursor that this service has not handed out."""

    code = "malformed-cursor"
    detail = "The cursor is damaged. Start again without one, and follow the `next` link."


class MalformedHost(Malformed):
    """The Host header is missing, doubled, or names a host that is not served here."""

    code = "malformed-host"
    detail = "Send one Host header that names this service."


class MalformedRequest(Malformed):
    """The request breaks HTTP in a way that has no name of its own."""

    code = "malformed-request"
    detail = "The request cannot be read. Check its first line and its headers."


@dataclass(frozen=True)
class FieldError:
    """One thing that is wrong with a request, and where.

    `pointer` is a JSON Pointer (RFC 6901) into the body; `parameter` names a query or
    path parameter. One of the two is set.
    """

    detail: str
    pointer: str | None = None
    parameter: str | None = None


class Invalid(AppError):
    """Well-formed content that breaks a rule; `errors` says which, field by field."""

    code = "invalid-content"
    detail = "The request is well-formed, but its content breaks a rule; see `errors`."

    def __init__(self, *errors: FieldError) -> None:
        super().__init__()
        self.errors = errors


class IdempotencyMismatch(AppError):
    """The key was used before, for another request."""

    code = "idempotency-mismatch"
    detail = "This Idempotency-Key belongs to another request. Use a new key for a new one."


class Unauthenticated(AppError):
    """Nobody is signed in."""

    code = "unauthenticated"
    detail = "Log in first and send the access token as `Authorization: Bearer <token>`."


class InvalidToken(Unauthenticated):
    """A token came along, but it is not, or no longer, good."""

    code = "invalid-token"
    detail = "The access token is not valid, or no longer valid. Refresh it, or log in again."


class InvalidSession(Unauthenticated):
    """A session cookie came along, but its session has ended, or never was."""

    code = "invalid-session"
    detail = "The session is over. Sign in again."


class InvalidRefreshToken(Unauthenticated):
    """The refresh token is unknown, or its session has ended; a spent one ends its session."""

    code = "invalid-refresh-token"
    detail = "The refresh token is not valid, or no longer valid. Log in again."


class BadCredentials(Unauthenticated):
    """Unknown user or wrong password: the caller never learns which."""

    code = "bad-credentials"
    detail = "Email or password is wrong. Check both, and try again."


class Forbidden(AppError):
    """The caller is known, and may not do this."""

    code = "forbidden"
    detail = "Your role does not allow this."


class CrossSite(Forbidden):
    """A session cookie came along with a change that another site may have asked for."""

    code = "cross-site"
    detail = (
        "With a session cookie, changes come from this site's own pages: send "
        "`Sec-Fetch-Site: same-origin` or this site's Origin, or use a bearer token."
    )


class WrongPassword(Forbidden):
    """The current password, asked for once more, is wrong."""

    code = "wrong-password"
    detail = "The current password is wrong. Type it again."


class Reauthenticate(Forbidden):
    """Changing how an account is signed in to needs a proof that its owner asks for it."""

    code = "reauthenticate"
    detail = (
        "This changes how the account is signed in to. Send the current password, or sign in "
        "again and repeat it within five minutes."
    )


class OidcRefused(Forbidden):
    """What came back from an identity provider does not fit what was asked of it.

    It is for another browser, was used before, came too late, or is not the provider's.
    """

    code = "oidc-refused"
    detail = "This sign-in cannot be completed. Start it again, in this browser."


class SignInDeclined(Forbidden):
    """The identity provider has not signed anybody in, or its user did not want it."""

    code = "sign-in-declined"
    detail = "The identity provider did not sign you in. Start again, or log in with a password."


class EmailUnverified(Forbidden):
    """A new account needs an email address, and the provider vouches for none."""

    code = "email-unverified"
    detail = (
        "The identity provider does not confirm your email address. Confirm it there and sign "
        "in again, or sign up with a password."
    )


class NotFound(AppError):
    """Missing, or somebody else's: the caller never learns which."""

    code = "not-found"
    detail = "There is nothing here. Check the path and the id."


class MethodNotAllowed(AppError):
    """The path exists, the method does not; `allow` lists those that do."""

    code = "method-not-allowed"
    detail = "This path does not support that method; the Allow header lists those it does."

    def __init__(self, allow: tuple[str, ...]) -> None:
        super().__init__()
        self.allow = allow


class NotAcceptable(AppError):
    """The Accept header rules out JSON."""

    code = "not-acceptable"
    detail = "This service answers in JSON. Send `Accept: application/json`, or no Accept header."


class UnsupportedMediaType(AppError):
    """The body is said to be something other than JSON."""

    code = "unsupported-media-type"
    detail = "Send the body as JSON, with `Content-Type: application/json`."


class ContentTooLarge(AppError):
    """The body is longer than the service reads."""

    code = "content-too-large"
    detail = "The body is too large. Send less at a time."


class RequestTimeout(AppError):
    """The client took too long to send its body."""

    code = "request-timeout"
    detail = "The body did not arrive in time. Send it again, without a pause."


class Conflict(AppError):
    """The request does not go together with what is already there."""


class EmailTaken(Conflict):
    """Another account has this email address, in whatever spelling."""

    code = "email-taken"
    detail = "An account with this email already exists. Log in, or use another address."


class LinkRequired(Conflict):
    """The email of a new identity belongs to an account, and an email proves no ownership."""

    code = "link-required"
    detail = (
        "An account with this email already exists. Log in the way you did before, and link "
        "the identity provider to your account then."
    )


class IdentityTaken(Conflict):
    """This identity signs in to another account."""

    code = "identity-taken"
    detail = "This identity is linked to another account. Sign in with it, or link another one."


class LastSignInMethod(Conflict):
    """This identity is the only way to sign in to the account."""

    code = "last-sign-in-method"
    detail = "This is the only way to sign in to the account. Set a password or link another first."


class SkuTaken(Conflict):
    """Another product has this sku."""

    code = "sku-taken"
    detail = "A product with this sku already exists. Change that one, or use another sku."


class OutOfStock(Conflict):
    """Less is left than was ordered. Nothing of the order has been taken."""

    code = "out-of-stock"
    detail = "Not enough is left of one of the products. Order less, or try again later."


class InvalidTransition(Conflict):
    """There is no such step: pending → paid → shipped; pending or paid → cancelled."""

    code = "invalid-transition"
    detail = "The order cannot go there from where it is."


class IdempotencyInFlight(Conflict):
    """A request with the same key is being worked on at this moment."""

    code = "idempotency-in-flight"
    detail = "A request with this Idempotency-Key is still under way. Repeat it in a second."


class PreconditionRequired(AppError):
    """A change was asked for without saying which version is being changed."""

    code = "precondition-required"
    detail = "Send `If-Match` with the ETag of the version that you have read."


class PreconditionFailed(AppError):
    """Somebody else changed it first."""

    code = "precondition-failed"
    detail = "This has changed since you read it. Read it again and repeat your change."


class TooManyRequests(AppError):
    """A rate limit is used up; `retry_after` seconds from now it is not."""

    code = "too-many-requests"
    detail = "The rate limit is used up. Wait as many seconds as the Retry-After header says."

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after


class TooManyFailures(TooManyRequests):
    """Too many logins in a row have failed for one account, from wherever they came."""

    code = "too-many-failed-logins"
    detail = (
        "Too many logins for this account have failed. Wait as many seconds as the Retry-After "
        "header says, or log in from a session that you still have."
    )


class Unavailable(AppError):
    """Not now: a part that the request needs is away. Worth trying again."""

    code = "unavailable"
    detail = "A part of the service is away for the moment. Try again in a few seconds."
    retry_after = 1


class Overloaded(Unavailable):
    """More work is waiting than can be done in time."""

    code = "overloaded"
    detail = "The service has more to do than it can. Try again in a few seconds."
    retry_after = 2


class ProviderUnavailable(Unavailable):
    """An identity provider does not answer, or not as it should."""

    code = "provider-unavailable"
    detail = (
        "The identity provider cannot be reached at the moment. Start the sign-in again in a few "
        "seconds, or log in with a password."
    )
    retry_after = 5


class Contended(Unavailable):
    """Postgres chose this transaction to end, for the sake of others, more than once."""

    code = "contended"
    detail = "Too many requests want the same thing at once. Nothing was changed; try again."


class DeadlineExceeded(Unavailable):
    """The request took longer than it may. Whether it took effect is not known."""

    code = "deadline-exceeded"
    detail = (
        "The request took too long and was given up. It may or may not have taken effect: "
        "read before you repeat it."
    )


class NotReady(Unavailable):
    """This process should get no requests just now."""

    code = "not-ready"
    detail = "This process is not ready for requests."


class InternalError(AppError):
    """A defect of the service. The cause is in the log, under the request id."""

    code = "internal-error"
    detail = "Something broke on our side. Quote the request id when you report it."
