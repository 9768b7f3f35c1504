"""What can be done with an account."""

from datetime import UTC, datetime

from app.adapters.passwords import PasswordHasher
from app.adapters.read_cache import ReadCache
from app.adapters.session_cache import SessionCache
from app.errors import FieldError, Invalid, NotFound, WrongPassword
from app.models import Principal, Role, User, tags
from app.models.passwords import why_guessable
from app.repositories.database import Database, Transaction
from app.schemas.bodies import CachedBody
from app.schemas.preconditions import EntityTags, require_match
from app.schemas.users import PasswordChange, UserCreate, UserPage, UserRead, UserUpdate
from app.tracing import staged_methods


@staged_methods("service")
class UserService:
    """Signup, and everything that an account's owner or an administrator does to it."""

    def __init__(
        self,
        database: Database,
        passwords: PasswordHasher,
        cache: ReadCache,
        signed_in: SessionCache[Principal],
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._cache = cache
        self._signed_in = signed_in

    async def register(self, new: UserCreate) -> UserRead:
        """Open an account. Raises `EmailTaken`, and `Invalid` for a guessable password."""
        newcomer = await self._newcomer(new)
        async with self._database.transaction() as tx:
            user = await tx.users.add(newcomer)
        return UserRead.of(user)

    async def make_admin(self, new: UserCreate) -> tuple[UserRead, bool]:
        """Open an administrator's account, or promote the one that has this email.

        Returns the account and whether it is new; one that was there keeps its password.
        """
        newcomer = await self._newcomer(new)
        changed = set[str]()

        async def work() -> tuple[UserRead, bool]:
            async with self._database.transaction() as tx:
                user = await tx.users.get_by_email(new.email)
                is_new = user is None
                user = user or await tx.users.add(newcomer)
                user.role = Role.ADMIN
                await tx.users.flush()
                changed.add(tags.user(user.id))
            return UserRead.of(user), is_new

        return await self._cache.forgetting(changed, work())

    async def _newcomer(self, new: UserCreate) -> User:
        password = new.password.get_secret_value()
        _refuse_guessable(password, name=new.name, email=new.email, pointer="/password")
        password_hash = await self._passwords.hash(password)
        return User(name=new.name, email=new.email, password_hash=password_hash)

    async def read(self, user_id: int) -> CachedBody:
        """Return one account. Raises `NotFound`."""

        async def load() -> bytes:
            async with self._database.reading() as tx:
                return UserRead.of(_found(await tx.users.get(user_id))).to_bytes()

        return CachedBody(*await self._cache.get_or_load(tags.user(user_id), "self", load))

    async def list_users(self, *, after: int, limit: int, email: str | None) -> UserPage:
        """Return up to `limit` accounts in the order of signup, those behind `after`."""
        async with self._database.reading() as tx:
            users = await tx.users.list_after(after, limit=limit + 1, email=email)
        return UserPage.cut([UserRead.of(user) for user in users], limit)

    async def update(
        self, user_id: int, changes: UserUpdate, expected: EntityTags | None
    ) -> UserRead:
        """Change name or email of the version that the caller has read.

        Raises `NotFound`, `PreconditionRequired`, `PreconditionFailed` and `EmailTaken`.
        """

        async def work(tx: Transaction) -> UserRead:
            user = _found(await tx.users.get_locked(user_id))
            require_match(expected, UserRead.of(user).etag())
            for field in changes.model_fields_set:
                setattr(user, field, getattr(changes, field))
            await tx.users.flush()
            return UserRead.of(user)

        return await self._cache.forgetting({tags.user(user_id)}, self._database.retrying(work))

    async def change_password(
        self, user_id: int, change: PasswordChange, *, session_id: int
    ) -> None:
        """Set a new password and end every other session of its owner.

        Raises `WrongPassword` when the current one is wrong, `Invalid` when the new one is
        guessable.
        """
        async with self._database.reading() as tx:
            user = _found(await tx.users.get(user_id))
        current, new = change.current_password, change.new_password.get_secret_value()
        if not await self._passwords.verify(current.get_secret_value(), user.password_hash):
            raise WrongPassword
        _refuse_guessable(new, name=user.name, email=user.email, pointer="/new_password")
        password_hash = await self._passwords.hash(new)

        async def work(tx: Transaction) -> None:
            # Of two changes at once, the second has proved a password that is no longer it.
            account = await tx.users.get_locked(user_id)
            if account is None or account.password_hash != user.password_hash:
                raise WrongPassword
            account.password_hash = password_hash
            await tx.users.flush()
            await tx.sessions.end_all(user_id, keep=session_id)

        await self._cache.forgetting({tags.user(user_id)}, self._database.retrying(work))
        self._signed_in.forget(user_id)

    async def delete(self, user_id: int, expected: EntityTags | None) -> None:
        """Erase an account's personal data and end its sessions; its email is free again.

        Raises `NotFound`, `PreconditionRequired` and `PreconditionFailed`.
        """

        async def work(tx: Transaction) -> None:
            user = _found(await tx.users.get_locked(user_id))
            require_match(expected, UserRead.of(user).etag())
            user.erase(datetime.now(UTC))
            await tx.users.flush()
            await tx.identities.remove_all(user_id)
            await tx.sessions.end_all(user_id)

        await self._cache.forgetting({tags.user(user_id)}, self._database.retrying(work))
        self._signed_in.forget(user_id)


def _found(user: User | None) -> User:
    if user is None:
        raise NotFound
    return user


def _refuse_guessable(password: str, *, name: str, email: str, pointer: str) -> None:
    reason = why_guessable(password, name=name, email=email)
    if reason is not None:
        raise Invalid(FieldError(reason, pointer=pointer))
