"""Sign-in at an identity provider (OpenID Connect), and linking an identity to an account."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import SecretStr

from app.adapters.oidc.id_tokens import IdTokenClaims
from app.adapters.oidc.provider import IdentityProvider
from app.adapters.password_check import PasswordCheck
from app.adapters.tokens import hash_of, new_secret
from app.errors import (
    AccountDisabled,
    EmailTaken,
    EmailUnverified,
    IdentityTaken,
    LinkRequired,
    OidcRefused,
    SignInDeclined,
    existing,
)
from app.models import MessageKind, OidcFlow, Principal, SessionLifetime
from app.models.oidc_flows import FLOW_LIFETIME
from app.models.values.emails import normalise_email
from app.repositories.database import Transaction
from app.schemas.fields.names import valid_name_from
from app.store import Store
from app.tracing import staged_methods


@dataclass(frozen=True)
class StartedFlow:
    """The URL to redirect the browser to, and the secret that identifies the browser later."""

    url: str
    browser_secret: str


@dataclass(frozen=True)
class AuthorizationResponse:
    """The provider's response (RFC 6749, sections 4.1.2 and 4.1.2.1), and the browser's secret.

    A field is None if the callback request does not contain it.
    """

    state: str | None
    code: str | None
    error: str | None
    issuer: str | None
    """The `iss` parameter (RFC 9207)."""
    browser_secret: str | None


@dataclass(frozen=True)
class FinishedFlow:
    """The path to redirect the browser to, and the secret of the browser's new session.

    The secret is None if the flow has linked an identity, because the session stays the same.
    """

    return_to: str
    session_secret: str | None


@staged_methods("service")
class OidcService:
    """Starts flows at identity providers, and finishes each flow at most once.

    A flow signs a user in, or links an identity to an account.
    """

    def __init__(
        self,
        store: Store,
        providers: Mapping[str, IdentityProvider],
        check: PasswordCheck,
        lifetime: SessionLifetime,
    ) -> None:
        self._store = store
        self._providers = providers
        self._check = check
        self._lifetime = lifetime

    async def begin(
        self,
        name: str,
        *,
        base_url: str,
        return_to: str,
        link_to: Principal | None = None,
    ) -> StartedFlow:
        """Begin a sign-in. With `link_to`, begin to link an identity to the account of this user.

        `base_url` is the URL at which browsers reach the service. The flow expires after 10
        minutes. Raises `NotFound` if the provider is not configured, and `ProviderUnavailable` if
        the provider gives no valid answer. Raises `InvalidToken` or `InvalidSession` if the session
        of `link_to` has ended since the HTTP request began.
        """
        provider = existing(self._providers.get(name))
        (state, state_hash), (browser_secret, browser_hash) = new_secret(), new_secret()
        flow = OidcFlow(
            state_hash=state_hash,
            browser_hash=browser_hash,
            provider=name,
            redirect_uri=f"{base_url}/api/auth/oidc/{name}/callback",
            nonce=new_secret()[0],
            code_verifier=new_secret()[0],
            return_to=return_to,
            user_id=link_to.user_id if link_to else None,
            session_id=link_to.session_id if link_to else None,
            expires_at=datetime.now(UTC) + FLOW_LIFETIME,
        )
        url = await provider.authorization_url(flow, state=state)
        added = await self._store.write(lambda tx: tx.flows.add(flow))
        if not added and link_to is not None:
            raise link_to.session_ended_error()
        return StartedFlow(url, browser_secret)

    async def begin_link(
        self,
        name: str,
        caller: Principal,
        current_password: SecretStr | None,
        *,
        base_url: str,
        return_to: str,
    ) -> StartedFlow:
        """Begin to link an identity to the caller's account.

        Raises the errors of `begin` and of `PasswordCheck.prove_owner`.
        """
        async with self._store.uncached() as tx:
            user = existing(await tx.users.get(caller.user_id), caller.session_ended_error)
        await self._check.prove_owner(user, caller, current_password, recent_is_enough=True)
        return await self.begin(name, base_url=base_url, return_to=return_to, link_to=caller)

    async def finish(
        self,
        name: str,
        response: AuthorizationResponse,
        *,
        user_agent: str | None,
        replaces: Principal | None,
    ) -> FinishedFlow:
        """Complete a flow in the browser that began the flow. A flow can be completed once.

        A sign-in starts a new session, and ends `replaces`, the session of the browser's earlier
        cookie.

        Raises `NotFound` and `ProviderUnavailable` for the same reasons as `begin`, and
        `SignInDeclined` if the response is an error. Raises `OidcRefused` if the response is not
        valid for a flow of this browser, or if the session that began the link has ended. A sign-in
        can raise `AccountDisabled`. The first sign-in of an identity can raise `EmailUnverified`,
        and `LinkRequired` if another account has the email. A link can raise `IdentityTaken`.
        """
        provider = existing(self._providers.get(name))
        flow = await self._take_flow(name, response)
        if response.error is not None:
            raise SignInDeclined
        if response.code is None:
            raise OidcRefused
        claims = await provider.redeem(response.code, flow, issuer=response.issuer)
        if flow.user_id is not None and flow.session_id is not None:
            await self._link(name, claims, flow.user_id, flow.session_id)
            return FinishedFlow(flow.return_to, None)
        secret = await self._sign_in(claims, user_agent, replaces)
        return FinishedFlow(flow.return_to, secret)

    async def _take_flow(self, name: str, response: AuthorizationResponse) -> OidcFlow:
        state_hash = hash_of(response.state or "")
        browser_hash = hash_of(response.browser_secret or "")
        now = datetime.now(UTC)
        flow = await self._store.write(
            lambda tx: tx.flows.take(name, state_hash, browser_hash, now=now)
        )
        return existing(flow, OidcRefused)

    async def _sign_in(
        self, claims: IdTokenClaims, user_agent: str | None, replaces: Principal | None
    ) -> str:
        # After one of these errors, either another account has the email, or a concurrent first
        # sign-in of this identity has created the account. A second attempt shows which of the
        # two has happened.
        with suppress(EmailTaken, IdentityTaken):
            return await self._start_session(claims, user_agent, replaces)
        try:
            return await self._start_session(claims, user_agent, replaces)
        except EmailTaken as error:
            raise LinkRequired from error

    async def _start_session(
        self, claims: IdTokenClaims, user_agent: str | None, replaces: Principal | None
    ) -> str:
        secret, secret_hash = new_secret()

        async def work(tx: Transaction) -> None:
            user = await tx.identities.get_user_for_update(claims.issuer, claims.subject)
            if user is not None and user.disabled_at is not None:
                raise AccountDisabled
            user_id = user.id if user is not None else await _new_user(tx, claims)
            now = datetime.now(UTC)
            await tx.identities.note_use(claims.issuer, claims.subject, now=now)
            await tx.sessions.add(
                user_id=user_id,
                cookie_hash=secret_hash,
                user_agent=user_agent,
                expires_at=now + self._lifetime.total,
                replaces=replaces,
            )

        await self._store.write(work)
        return secret

    async def _link(self, name: str, claims: IdTokenClaims, user_id: int, session_id: int) -> None:
        now, idle = datetime.now(UTC), self._lifetime.idle

        async def work(tx: Transaction) -> None:
            # The session may have ended since the flow began, or the account may be erased. With
            # the lock, an erasure and this transaction run one after the other.
            user = await tx.users.get_for_update(user_id)
            if not user or not await tx.sessions.get_principal(
                session_id, user_id=user_id, now=now, idle=idle
            ):
                raise OidcRefused
            owner = await tx.identities.get_user_for_update(claims.issuer, claims.subject)
            if owner is None:
                await _add_identity(tx, claims, user_id, session_id)
                await tx.messages.add(
                    MessageKind.IDENTITY_LINKED, user_id=user_id, address=user.email, provider=name
                )
            elif owner.id != user_id:
                raise IdentityTaken

        await self._store.write(work)


async def _new_user(tx: Transaction, claims: IdTokenClaims) -> int:
    try:
        email = normalise_email(claims.email or "")
    except ValueError as error:
        raise EmailUnverified from error
    name = valid_name_from(claims.name or "") or valid_name_from(email.partition("@")[0])
    # The provider has verified the address. Otherwise, `IdTokenClaims.email` would be None.
    user = await tx.users.add(
        name=name or email, email=email, password_hash=None, email_confirmed=True
    )
    await _add_identity(tx, claims, user.id, None)
    return user.id


async def _add_identity(
    tx: Transaction, claims: IdTokenClaims, user_id: int, session_id: int | None
) -> None:
    await tx.identities.add(
        issuer=claims.issuer, subject=claims.subject, user_id=user_id, session_id=session_id
    )
