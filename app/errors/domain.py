"""Errors of accounts, sign-in, products and orders."""

from typing import Self

from app.errors.base import AppError, Conflict, Forbidden, Unauthenticated, Unavailable
from app.errors.http import FieldError, Invalid, TooManyRequests


class InvalidToken(Unauthenticated):
    code = "invalid-token"
    happened = "The access token is not valid, or no longer valid."
    why = "The access token is not from this service, has expired, or its session has ended."
    action = "Refresh it, or log in again."


class InvalidSession(Unauthenticated):
    code = "invalid-session"
    happened = "The session has ended."
    why = "The session of this cookie has expired or was ended, or it never existed."
    action = "Sign in again."


class InvalidRefreshToken(Unauthenticated):
    code = "invalid-refresh-token"
    happened = "The refresh token is not valid, or no longer valid."
    why = (
        "The refresh token is unknown, or its session has ended. A refresh token that is used a "
        "second time ends its session."
    )
    action = "Log in again."


class BadCredentials(Unauthenticated):
    code = "bad-credentials"
    happened = "Email or password is wrong."
    why = (
        "No account has this email, or the account has another password. The response does not "
        "show which."
    )
    action = "Check both, and try again."


class WrongPassword(Forbidden):
    code = "wrong-password"
    happened = "The current password is wrong."
    why = "This change requires the current password, so that a stolen session is not enough."
    action = "Type it again."


class Reauthenticate(Forbidden):
    code = "reauthenticate"
    happened = "This request changes the sign-in methods of the account."
    why = (
        "Such a change requires the password or a recent sign-in, so that a stolen session is not "
        "enough."
    )
    action = (
        "Send the current password, or sign in again and repeat the request within five minutes."
    )


class AccountDisabled(Forbidden):
    code = "account-disabled"
    happened = "This account is disabled."
    why = "An operator of the service has disabled the account. No sign-in to it is possible."
    action = "Ask the operators of the service why."


class OidcRefused(Forbidden):
    code = "oidc-refused"
    happened = "This sign-in cannot be completed."
    why = (
        "This browser did not start the sign-in, the sign-in is finished or has expired, or the "
        "response of the identity provider is not valid."
    )
    action = "Start it again, in this browser."


class SignInDeclined(Forbidden):
    code = "sign-in-declined"
    happened = "The identity provider did not sign you in."
    why = "You cancelled there, or the provider refused the sign-in."
    action = "Start again, or log in with a password."


class EmailUnverified(Forbidden):
    code = "email-unverified"
    happened = "The identity provider does not confirm your email address."
    why = "A new account needs an email address that the identity provider has confirmed."
    action = "Confirm it there and sign in again, or sign up with a password."


class EmailTaken(Conflict):
    code = "email-taken"
    happened = "An account with this email already exists."
    why = "Each account needs an address of its own. Upper and lower case make no difference."
    action = "Log in, or use another address."


class EmailConfirmed(Conflict):
    code = "email-confirmed"
    happened = "The email address is confirmed already."
    why = "A confirmed address needs no link, so the service has sent none."
    action = "There is nothing to do."


class LinkRequired(Conflict):
    code = "link-required"
    happened = "An account with this email already exists."
    why = (
        "The email of this identity belongs to an account. An email alone does not prove that the "
        "account is yours."
    )
    action = "Log in the way you did before, and link the identity provider to your account then."


class IdentityTaken(Conflict):
    code = "identity-taken"
    happened = "This identity is linked to another account."
    why = "An identity can be linked to one account only."
    action = "Sign in with it, or link another one."


class LastSignInMethod(Conflict):
    code = "last-sign-in-method"
    happened = "This is the only way to sign in to the account."
    why = "Without this identity, no sign-in to the account would be possible."
    action = "First set a password, or link another identity."


class SkuTaken(Conflict):
    code = "sku-taken"
    happened = "A product with this sku already exists."
    why = "Each product needs a sku of its own."
    action = "Change that product, or use another sku."


class OutOfStock(Conflict):
    code = "out-of-stock"
    happened = "Not enough is left of a product."
    why = "Fewer pieces of the product are left than were ordered. Nothing was ordered."
    action = "Order less, or try again later."

    def __init__(self, pointer: str) -> None:
        """`pointer` is a JSON Pointer to the product in the body."""
        super().__init__(f"{self.happened} The product is at {pointer}. {self.action}")

    @classmethod
    def example(cls) -> Self:
        """Return an error about the first product of an order."""
        return cls("/items/0/product_id")


def unknown_product(pointer: str) -> Invalid:
    """Return an error about a product that does not exist. `pointer` leads to it in the body."""
    return Invalid(FieldError("There is no such product.", pointer=pointer))


class InvalidTransition(Conflict):
    code = "invalid-transition"
    happened = "The order cannot change from its current status to this one."
    why = "An order can go from pending to paid to shipped, and from pending or paid to cancelled."
    action = "Read the order again."


class IdempotencyInFlight(Conflict):
    code = "idempotency-in-flight"
    happened = "A request with this Idempotency-Key is still being processed."
    why = "The request was repeated before the service had answered it."
    action = "Repeat it in a second."


class InvalidLink(AppError):
    code = "invalid-link"
    happened = "This link is not valid, or no longer valid."
    why = (
        "The link in a message is unknown, was used before, or has expired. A newer link of the "
        "same kind makes an older one invalid."
    )
    action = "Ask for a new link, and open that one."


class IdempotencyMismatch(AppError):
    code = "idempotency-mismatch"
    happened = "This Idempotency-Key belongs to another request."
    why = "You have sent the key before, with another order."
    action = "Use a new key for a new request."


class TooManyFailures(TooManyRequests):
    code = "too-many-failed-logins"
    happened = "Too many logins for this account have failed."
    why = "They failed in a row. Logins from all IP addresses count."
    action = (
        "Wait as many seconds as the Retry-After header says, or log in with a client that is "
        "still signed in."
    )


class ProviderUnavailable(Unavailable):
    code = "provider-unavailable"
    happened = "The identity provider cannot be reached at the moment."
    why = "The identity provider does not answer, or its answer is not valid."
    action = "Start the sign-in again in a few seconds, or log in with a password."
    retry_after = 5


class Contended(Unavailable):
    code = "contended"
    happened = "Too many requests changed the same data at once. Nothing was changed."
    why = (
        "The transactions of several requests waited for each other. At each attempt, PostgreSQL "
        "cancelled the transaction of this request."
    )
    action = "Try again."
