"""User accounts: signup, changes, password and deletion."""

from datetime import UTC, datetime

from app.adapters.cursors import Cursors
from app.adapters.mail_limit import MailLimit
from app.adapters.password_check import PasswordCheck
from app.adapters.password_hasher import PasswordHasher
from app.errors import WrongPassword, existing
from app.models import MessageKind, Principal, Role, User
from app.models.cached_reads import CachedBody, read_key, user_tag
from app.models.values.guessable_passwords import reject_guessable
from app.repositories.database import Transaction
from app.schemas.preconditions import EntityTags, require_match
from app.schemas.users import PasswordChange, UserCreate, UserPage, UserRead, UserUpdate
from app.store import Store
from app.tracing import staged_methods


@staged_methods("service")
class UserService:
    """Signup, and everything that a user or an administrator does with an account."""

    def __init__(
        self,
        store: Store,
        passwords: PasswordHasher,
        check: PasswordCheck,
        limit: MailLimit,
        cursors: Cursors,
    ) -> None:
        self._store = store
        self._passwords = passwords
        self._check = check
        self._limit = limit
        self._cursors = cursors

    async def register(self, new: UserCreate) -> UserRead:
        """Create an account, and send a link that confirms its address.

        Raises `EmailTaken`, `TooManyRequests`, `Overloaded`, and `Invalid` if the password is
        guessable.
        """
        password_hash = await self._hash_of(new)

        async def work(tx: Transaction) -> User:
            user = await tx.users.add(name=new.name, email=new.email, password_hash=password_hash)
            await tx.messages.add(MessageKind.CONFIRM_EMAIL, user_id=user.id, address=user.email)
            return user

        async with self._limit.counting(new.email):
            return UserRead.of(await self._store.write(work))

    async def make_admin(self, new: UserCreate) -> tuple[UserRead, bool]:
        """Create an administrator, or make the existing account with this email an administrator.

        Returns the account and whether it is new. An existing account keeps its password.
        Raises `Invalid` for a guessable password.
        """
        password_hash = await self._hash_of(new)

        async def work(tx: Transaction) -> tuple[UserRead, bool]:
            user = await tx.users.get_by_email_locked(new.email)
            if user is None:
                added = await tx.users.add(
                    name=new.name, email=new.email, password_hash=password_hash, role=Role.ADMIN
                )
                return UserRead.of(added), True
            user.role = Role.ADMIN
            return UserRead.of(await tx.users.save(user)), False

        return await self._store.write(work)

    async def _hash_of(self, new: UserCreate) -> str:
        password = new.password.get_secret_value()
        reject_guessable(password, name=new.name, email=new.email, pointer="/password")
        return await self._passwords.hash(password)

    async def read(self, user_id: int) -> CachedBody:
        """Return one account. Raises `NotFound`."""

        async def load(tx: Transaction) -> UserRead:
            return UserRead.of(existing(await tx.users.get(user_id)))

        return await self._store.read(user_tag(user_id), read_key("user"), load)

    async def read_many(self, user_ids: list[int]) -> list[UserRead | None]:
        """Return one item for each id: the account, or None if it does not exist."""
        async with self._store.uncached() as tx:
            found = {user.id: UserRead.of(user) for user in await tx.users.list_by_ids(user_ids)}
        return [found.get(it) for it in user_ids]

    async def list_users(self, *, cursor: str | None, limit: int, email: str | None) -> UserPage:
        """Return up to `limit` accounts after `cursor`, in the order of signup.

        Raises `MalformedCursor`.
        """
        cursors = self._cursors.of("users", email=email)
        after = cursors.decode(cursor)
        row_id = after.row_id if after else 0
        async with self._store.uncached() as tx:
            if email is None:
                users = await tx.users.list_after(row_id, limit=limit + 1)
            else:
                user = await tx.users.get_by_email(email)
                users = [user] if user is not None and user.id > row_id else []
        return UserPage.cut(
            [UserRead.of(user) for user in users], limit, cursors.following(after, limit)
        )

    async def update(
        self, user_id: int, changes: UserUpdate, expected: EntityTags | None
    ) -> UserRead:
        """Change the name, if `expected` matches the current version.

        Raises `NotFound`, `PreconditionRequired` and `PreconditionFailed`.
        """

        async def work(tx: Transaction) -> UserRead:
            user = existing(await tx.users.get_to_change(user_id))
            require_match(expected, UserRead.of(user).etag())
            if "name" in changes.model_fields_set:
                user.name = changes.name
            return UserRead.of(await tx.users.save(user))

        return await self._store.write(work)

    async def change_password(self, change: PasswordChange, caller: Principal) -> None:
        """Set the caller's password, and end all other sessions of the caller.

        Removes each identity that was linked in another session, even if that session has ended,
        because an attacker may have linked the identity. The links in messages that were sent
        before stop working, because an attacker may have requested these messages. Raises `Invalid`
        if the new password is guessable, and the errors of `PasswordCheck.prove_owner`.
        """
        user_id = caller.user_id
        async with self._store.uncached() as tx:
            user = existing(await tx.users.get(user_id), caller.session_ended_error)
        new = change.new_password.get_secret_value()
        await self._check.prove_owner(user, caller, change.current_password)
        reject_guessable(new, name=user.name, email=user.email, pointer="/new_password")
        password_hash = await self._passwords.hash(new)

        async def work(tx: Transaction) -> None:
            # A concurrent change may have replaced the password that this request has checked.
            account = await tx.users.get_to_change(user_id)
            await tx.sessions.lock_against_ending(caller)
            if account is None or account.password_hash != user.password_hash:
                raise WrongPassword
            account.password_hash = password_hash
            await tx.users.save(account)
            await tx.identities.remove_linked_elsewhere(user_id, session_id=caller.session_id)
            await tx.sessions.end_others(user_id, keep=caller.session_id)
            await tx.messages.remove_with_links(user_id)
            await tx.messages.add(
                MessageKind.PASSWORD_CHANGED, user_id=user_id, address=account.email
            )

        await self._store.write(work)

    async def list_newest(self, *, limit: int) -> list[User]:
        """Return up to `limit` accounts, the newest first, for operators."""
        async with self._store.uncached() as tx:
            return await tx.users.list_newest(limit=limit)

    async def set_disabled(self, email: str, *, disabled: bool) -> User:
        """Disable or enable an account, for operators. Raises `NotFound`.

        No sign-in to a disabled account is possible. All its sessions end, and its links stop
        working.
        """

        async def work(tx: Transaction) -> User:
            user = existing(await tx.users.get_by_email_locked(email))
            if not disabled:
                user.disabled_at = None
            elif user.disabled_at is None:
                user.disabled_at = datetime.now(UTC)
            saved = await tx.users.save(user)
            if disabled:
                await tx.sessions.end_all(user.id)
                await tx.messages.remove_with_links(user.id)
            return saved

        return await self._store.write(work)

    async def erase(self, user_id: int, expected: EntityTags | None) -> None:
        """Erase an account's personal data and end its sessions.

        The email can then be used for a new account.

        Raises `NotFound`, `PreconditionRequired` and `PreconditionFailed`.
        """

        async def work(tx: Transaction) -> None:
            user = existing(await tx.users.get_to_change(user_id))
            require_match(expected, UserRead.of(user).etag())
            await tx.users.erase(user_id, now=datetime.now(UTC))
            await tx.identities.remove_all(user_id)
            await tx.sessions.end_all(user_id)
            await tx.messages.remove_all(user_id)

        await self._store.write(work)
