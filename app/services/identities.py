"""The identities with which a user can sign in at identity providers."""

from collections.abc import Mapping
from datetime import UTC, datetime

from app.adapters.cursors import Cursors
from app.errors import LastSignInMethod, Reauthenticate, existing
from app.models import MessageKind, Principal
from app.repositories.database import Transaction
from app.schemas.identities import IdentityPage, IdentityRead
from app.store import Store
from app.tracing import staged_methods


@staged_methods("service")
class IdentityService:
    """Lists and removes linked identities. `OidcService` links identities."""

    def __init__(self, store: Store, provider_names: Mapping[str, str], cursors: Cursors) -> None:
        """`provider_names` maps the issuer of each configured provider to the provider's name."""
        self._store = store
        self._provider_names = provider_names
        self._cursors = cursors

    async def list_identities(
        self, user_id: int, *, cursor: str | None, limit: int
    ) -> IdentityPage:
        """Return up to `limit` of a user's identities after `cursor`, in the order of linking.

        Raises `MalformedCursor`.
        """
        cursors = self._cursors.of("identities", user_id=user_id)
        after = cursors.decode(cursor)
        async with self._store.uncached() as tx:
            identities = await tx.identities.list_for_user(
                user_id, after=after.row_id if after else 0, limit=limit + 1
            )
        items = [
            IdentityRead.of(it, provider=self._provider_names.get(it.issuer, it.issuer))
            for it in identities
        ]
        return IdentityPage.cut(items, limit, cursors.following(after, limit))

    async def remove(self, caller: Principal, identity_id: int) -> None:
        """Remove one of the caller's identities, which can then no longer be used to sign in.

        Raises `NotFound`, `LastSignInMethod` if the account has no password and no other
        identity, and `Reauthenticate` if the session began five minutes ago or earlier.
        """
        if not caller.is_recent(datetime.now(UTC)):
            raise Reauthenticate(_SIGN_IN_AGAIN)

        async def work(tx: Transaction) -> None:
            # The lock makes concurrent removals run one after the other, so that they cannot
            # remove the last two identities together.
            user = await tx.users.get_for_update(caller.user_id)
            await tx.sessions.lock_against_ending(caller)
            user = existing(user)
            issuer = existing(await tx.identities.remove(identity_id, user_id=user.id))
            others = await tx.identities.list_for_user(caller.user_id, after=0, limit=1)
            if user.password_hash is None and not others:
                raise LastSignInMethod
            await tx.messages.add(
                MessageKind.IDENTITY_REMOVED,
                user_id=user.id,
                address=user.email,
                provider=self._provider_names.get(issuer, issuer),
            )

        await self._store.write(work)


_SIGN_IN_AGAIN = (
    "This request changes the sign-in methods of the account. Sign in again, and repeat the "
    "request within five minutes."
)
