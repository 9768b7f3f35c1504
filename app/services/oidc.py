"""Signing in at an identity provider, and linking an identity there to an account."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr

from app.adapters.notices import send_notice
from app.adapters.oidc.id_tokens import IdTokenClaims
from app.adapters.oidc.provider import AuthorizationRequest, IdentityProvider
from app.adapters.password_check import PasswordCheck
from app.adapters.session_cache import SessionCache
from app.adapters.tokens import hash_of, new_secret
from app.errors import (
    EmailTaken,
    EmailUnverified,
    IdentityTaken,
    LinkRequired,
    NotFound,
    OidcRefused,
    SignInDeclined,
)
from app.models import OidcFlow, Principal
from app.models.emails import normalise_email
from app.repositories.database import Transaction
from app.schemas.names import fitting_name
from app.store import Store
from app.tracing import staged_methods

_LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True)
class Departure:
    """Where a browser goes, and the secret by which it is known when it comes back."""

    url: str
    browser_secret: str


@dataclass(frozen=True)
class Answer:
    """What a browser brings back from a provider; None for what is missing."""

    state: str | None
    code: str | None
    error: str | None
    issuer: str | None
    browser_secret: str | None


@dataclass(frozen=True)
class Arrival:
    """Where a browser goes on, and the secret of its new session if it has one."""

    return_to: str
    session_secret: str | None


@staged_methods("service")
class OidcService:
    """Sends people to their provider, and believes what they come back with once."""

    def __init__(  # noqa: PLR0913 - its collaborators, joined in one place
        self,
        store: Store,
        providers: Mapping[str, IdentityProvider],
        check: PasswordCheck,
        cache: SessionCache[Principal],
        *,
        public_url: str | None,
        session_lifetime: timedelta,
        session_idle: timedelta,
    ) -> None:
        self._store = store
        self._providers = providers
        self._check = check
        self._cache = cache
        self._public_url = public_url
        self._session_lifetime = session_lifetime
        self._session_idle = session_idle

    async def begin(
        self,
        name: str,
        *,
        here: str,
        return_to: str,
        linking: Principal | None = None,
    ) -> Departure:
        """Begin a sign-in; or, for a signed-in user, the linking of another identity.

        `here` is the origin that the browser has used. Raises `NotFound` for a provider that
        is not configured, `ProviderUnavailable`, and for a user whose session has ended
        meanwhile `InvalidToken` or `InvalidSession`.
        """
        provider = self._provider(name)
        (state, state_hash), (browser_secret, browser_hash) = new_secret(), new_secret()
        request = AuthorizationRequest(
            redirect_uri=f"{self._public_url or here}/api/auth/oidc/{name}/callback",
            nonce=new_secret()[0],
            code_verifier=new_secret()[0],
        )
        url = await provider.authorization_url(request, state=state)
        flow = OidcFlow(
            state_hash=state_hash,
            browser_hash=browser_hash,
            provider=name,
            return_to=return_to,
            user_id=linking.user_id if linking else None,
            session_id=linking.session_id if linking else None,
            expires_at=datetime.now(UTC) + _LIFETIME,
            **vars(request),
        )
        added = await self._store.write(lambda tx: tx.flows.add(flow))
        if not added and linking is not None:
            raise linking.session_ended()
        return Departure(url, browser_secret)

    async def begin_link(
        self,
        name: str,
        caller: Principal,
        current_password: SecretStr | None,
        *,
        here: str,
        return_to: str,
    ) -> Departure:
        """Begin to link an identity to the caller's account.

        Raises what `begin` raises, and what `PasswordCheck.prove_owner` raises.
        """
        async with self._store.reading() as tx:
            user = await tx.users.get(caller.user_id)
        if user is None:
            raise caller.session_ended()
        await self._check.prove_owner(user, caller, current_password, recent_is_enough=True)
        return await self.begin(name, here=here, return_to=return_to, linking=caller)

    async def finish(
        self, name: str, answer: Answer, *, user_agent: str | None, replaces: Principal | None
    ) -> Arrival:
        """Complete what `begin` began, in the same browser and once.

        A new session ends the one that the browser's cookie was for before.
        Raises `OidcRefused` for an answer that is not one to our request, `SignInDeclined`,
        `ProviderUnavailable`; for a new account `EmailUnverified` and `LinkRequired`; for a
        link `IdentityTaken`.
        """
        provider = self._provider(name)
        flow = await self._take(name, answer)
        if answer.error is not None:
            raise SignInDeclined
        if answer.code is None:
            raise OidcRefused
        request = AuthorizationRequest(flow.redirect_uri, flow.nonce, flow.code_verifier)
        claimed = await provider.redeem(answer.code, request, issuer=answer.issuer)
        if flow.user_id is not None and flow.session_id is not None:
            if await self._link(claimed, flow.user_id, flow.session_id):
                send_notice("identity-linked", user_id=flow.user_id)
            return Arrival(flow.return_to, None)
        secret = await self._sign_in(claimed, user_agent)
        await self._end(replaces)
        return Arrival(flow.return_to, secret)

    async def clear_expired_flows(self) -> int:
        """Delete what was begun and never finished, and say how much there was."""
        now = datetime.now(UTC)
        return await self._store.clear(
            lambda tx, limit: tx.flows.clear_expired(now=now, limit=limit)
        )

    def _provider(self, name: str) -> IdentityProvider:
        provider = self._providers.get(name)
        if provider is None:
            raise NotFound
        return provider

    async def _take(self, name: str, answer: Answer) -> OidcFlow:
        state, browser = hash_of(answer.state or ""), hash_of(answer.browser_secret or "")
        now = datetime.now(UTC)
        flow = await self._store.write(lambda tx: tx.flows.take(name, state, browser, now=now))
        if flow is None:
            raise OidcRefused
        return flow

    async def _sign_in(self, claimed: IdTokenClaims, user_agent: str | None) -> str:
        try:
            return await self._start_session(claimed, user_agent)
        except (EmailTaken, IdentityTaken):
            # By another account; or by this very one, whose first two sign-ins came at once.
            pass
        try:
            return await self._start_session(claimed, user_agent)
        except EmailTaken as error:
            raise LinkRequired from error

    async def _start_session(self, claimed: IdTokenClaims, user_agent: str | None) -> str:
        secret, secret_hash = new_secret()

        async def work(tx: Transaction) -> int:
            user = await tx.identities.get_user_locked(claimed.issuer, claimed.subject)
            user_id = user.id if user is not None else await _new_user(tx, claimed)
            now = datetime.now(UTC)
            await tx.identities.note_use(claimed.issuer, claimed.subject, now=now)
            await tx.sessions.add(
                user_id=user_id,
                cookie_hash=secret_hash,
                user_agent=user_agent,
                expires_at=now + self._session_lifetime,
            )
            return user_id

        user_id = await self._store.write(work)
        # This sign-in may have ended the user's oldest session.
        self._cache.forget(user_id)
        return secret

    async def _end(self, replaced: Principal | None) -> None:
        if replaced is None:
            return
        session_id, user_id = replaced.session_id, replaced.user_id
        await self._store.write(lambda tx: tx.sessions.end(session_id, user_id=user_id))
        self._cache.forget(replaced.user_id)

    async def _link(self, claimed: IdTokenClaims, user_id: int, session_id: int) -> bool:
        """Return whether the identity was linked, and was not before."""
        now, idle = datetime.now(UTC), self._session_idle

        async def work(tx: Transaction) -> bool:
            # Whoever has logged out meanwhile, or has been logged out, links nothing; and whose
            # account is being erased waits here, or is gone.
            user = await tx.users.get_locked(user_id)
            if not user or not await tx.sessions.get(
                session_id, user_id=user_id, now=now, idle=idle
            ):
                raise OidcRefused
            owner = await tx.identities.get_user_locked(claimed.issuer, claimed.subject)
            if owner is None:
                await _add_identity(tx, claimed, user_id, session_id)
            elif owner.id != user_id:
                raise IdentityTaken
            return owner is None

        return await self._store.write(work)


async def _new_user(tx: Transaction, claimed: IdTokenClaims) -> int:
    try:
        email = normalise_email(claimed.email or "")
    except ValueError as error:
        raise EmailUnverified from error
    name = fitting_name(claimed.name or "") or fitting_name(email.partition("@")[0])
    user = await tx.users.add(name=name or email, email=email, password_hash=None)
    await _add_identity(tx, claimed, user.id, None)
    return user.id


async def _add_identity(
    tx: Transaction, claimed: IdTokenClaims, user_id: int, session_id: int | None
) -> None:
    await tx.identities.add(
        issuer=claimed.issuer, subject=claimed.subject, user_id=user_id, session_id=session_id
    )
