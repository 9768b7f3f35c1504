"""Errors of accounts, sign-in, products and orders."""

from typing import Final

from app.errors.http import TooManyRequests
from app.errors.kinds import AppError, Conflict, Forbidden, Unauthenticated, Unavailable


class InvalidToken(Unauthenticated):
    code = "invalid-token"
    meaning = "The access token is not one of this service, has expired, or its session has ended."
    detail = "The access token is not valid, or no longer valid. Refresh it, or log in again."


class InvalidSession(Unauthenticated):
    code = "invalid-session"
    meaning = "The session of this cookie has ended, or never existed."
    detail = "The session has ended. Sign in again."


class InvalidRefreshToken(Unauthenticated):
    code = "invalid-refresh-token"
    meaning = (
        "The refresh token is unknown, or its session has ended. A refresh token that is used "
        "a second time ends its session."
    )
    detail = "The refresh token is not valid, or no longer valid. Log in again."


class BadCredentials(Unauthenticated):
    """The user is unknown, or the password is wrong: the response does not show which."""

    code = "bad-credentials"
    meaning = "No account has this email, or the password is wrong."
    detail = "Email or password is wrong. Check both, and try again."


class WrongPassword(Forbidden):
    code = "wrong-password"
    meaning = "The current password, which this change requires, is wrong."
    detail = "The current password is wrong. Type it again."


class Reauthenticate(Forbidden):
    code = "reauthenticate"
    meaning = "This changes the sign-in methods, so it requires the password or a recent sign-in."
    detail = (
        "This changes the sign-in methods of the account. Send the current password, or sign in "
        "again and repeat it within five minutes."
    )


class AccountDisabled(Forbidden):
    code = "account-disabled"
    meaning = "An operator of the service has disabled the account. No sign-in to it is possible."
    detail = "This account is disabled. Ask the operators of the service why."


class OidcRefused(Forbidden):
    code = "oidc-refused"
    meaning = (
        "The answer of the identity provider does not belong to a sign-in that this browser has "
        "started. It belongs to another browser, was used before, is too late, or is not the "
        "provider's."
    )
    detail = "This sign-in cannot be completed. Start it again, in this browser."


class SignInDeclined(Forbidden):
    code = "sign-in-declined"
    meaning = "The identity provider did not sign you in, or you cancelled there."
    detail = "The identity provider did not sign you in. Start again, or log in with a password."


class EmailUnverified(Forbidden):
    code = "email-unverified"
    meaning = "A new account needs an email address that the identity provider has confirmed."
    detail = (
        "The identity provider does not confirm your email address. Confirm it there and sign "
        "in again, or sign up with a password."
    )


class EmailTaken(Conflict):
    code = "email-taken"
    meaning = "Another account has this email address. Upper and lower case make no difference."
    detail = "An account with this email already exists. Log in, or use another address."


class EmailConfirmed(Conflict):
    code = "email-confirmed"
    meaning = "The address of the account is confirmed already, so no link is needed."
    detail = "The email address is confirmed already. There is nothing to do."


class LinkRequired(Conflict):
    code = "link-required"
    meaning = (
        "The email of this identity belongs to an account. An email alone does not prove that the "
        "account is yours."
    )
    detail = (
        "An account with this email already exists. Log in the way you did before, and link "
        "the identity provider to your account then."
    )


class IdentityTaken(Conflict):
    code = "identity-taken"
    meaning = "This identity is already linked to another account."
    detail = "This identity is linked to another account. Sign in with it, or link another one."


class LastSignInMethod(Conflict):
    code = "last-sign-in-method"
    meaning = "The identity is the only way to sign in to the account."
    detail = "This is the only way to sign in to the account. Set a password or link another first."


class SkuTaken(Conflict):
    code = "sku-taken"
    meaning = "Another product has this sku."
    detail = "A product with this sku already exists. Change that one, or use another sku."


class OutOfStock(Conflict):
    """Fewer pieces of a product are left than were ordered. Nothing has been taken from stock."""

    code = "out-of-stock"
    meaning = "Fewer pieces of a product are left than were ordered. Nothing was ordered."
    _DETAIL: Final = "Not enough is left of {product}. Order less, or try again later."
    detail = _DETAIL.format(product="a product")

    def __init__(self, pointer: str) -> None:
        """`pointer` is a JSON Pointer to the product in the body."""
        super().__init__(self._DETAIL.format(product=f"the product at {pointer}"))


class InvalidTransition(Conflict):
    code = "invalid-transition"
    meaning = (
        "An order cannot change from its current status to this one. It can go from pending to "
        "paid to shipped, and from pending or paid to cancelled."
    )
    detail = "The order cannot change from its current status to this one. Read the order again."


class IdempotencyInFlight(Conflict):
    code = "idempotency-in-flight"
    meaning = "The service is still working on a request with the same Idempotency-Key."
    detail = "A request with this Idempotency-Key is still being processed. Repeat it in a second."


class InvalidLink(AppError):
    code = "invalid-link"
    meaning = (
        "The link in a message is unknown, was used before, or has expired. A newer link of the "
        "same kind makes an older one invalid."
    )
    detail = "This link is not valid, or no longer valid. Ask for a new link, and open that one."


class IdempotencyMismatch(AppError):
    code = "idempotency-mismatch"
    meaning = "You have used this Idempotency-Key for another request."
    detail = "This Idempotency-Key belongs to another request. Use a new key for a new one."


class TooManyFailures(TooManyRequests):
    code = "too-many-failed-logins"
    meaning = "Too many logins to one account have failed in a row, from any addresses."
    detail = (
        "Too many logins for this account have failed. Wait as many seconds as the Retry-After "
        "header says, or log in from a session that you still have."
    )


class ProviderUnavailable(Unavailable):
    code = "provider-unavailable"
    meaning = "The identity provider does not answer, or its answer is not valid."
    detail = (
        "The identity provider cannot be reached at the moment. Start the sign-in again in a few "
        "seconds, or log in with a password."
    )
    retry_after = 5


class Contended(Unavailable):
    code = "contended"
    meaning = "Several transactions waited for each other, and PostgreSQL ended this one each time."
    detail = "Too many requests changed the same data at once. Nothing was changed. Try again."
