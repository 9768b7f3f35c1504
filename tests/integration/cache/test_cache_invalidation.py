"""A write invalidates the cached reads of the rows that it changes. No code names these reads."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from app.adapters.read_cache.cache import ReadCache
from app.adapters.redis.client import RedisClient
from app.adapters.session_cache import SessionCache
from app.errors import EmailTaken
from app.models import User
from app.repositories.database import Database, Transaction
from app.repositories.postgres.connections import create_engine
from app.settings import Settings
from app.store import Store
from tests.accounts import Account, sign_up
from tests.conftest import NewDatabase, StartService

PREFIX = "another-service"


@pytest.fixture(scope="module")
def urls(new_tables: NewDatabase, redis_url: str) -> tuple[str, str]:
    """The URLs of a database and of Redis."""
    return new_tables(), redis_url


@pytest.fixture(scope="module")
def client(urls: tuple[str, str], start_service: StartService) -> httpx2.Client:
    """An HTTP client of a service that uses this database and this Redis."""
    database, redis = urls
    return start_service(DATABASE_URL=database, REDIS_URL=redis, REDIS_KEY_PREFIX=PREFIX).client


def write(urls: tuple[str, str], work: Callable[[Transaction], Awaitable[Any]]) -> None:
    """Write with a `Store` in this process, as the service does.

    The caller names nothing to invalidate.
    """
    database, redis = map(SecretStr, urls)
    settings = Settings.model_construct(database_url=database, redis_url=redis, redis_timeout=5.0)

    async def with_store() -> None:
        connections = Database(create_engine(settings, database))
        redis_client = RedisClient(settings)
        try:
            await Store(
                connections,
                ReadCache(redis_client, key_prefix=PREFIX, on=True, seconds=60),
                SessionCache(seconds=1, size=1),
            ).write(work)
        finally:
            await redis_client.close()
            await connections.close()

    asyncio.run(with_store())


def rename(urls: tuple[str, str], account: Account, name: str) -> None:
    """Save an account with this name, even if the account already has this name."""

    async def work(tx: Transaction) -> User:
        user = await tx.users.get_for_update(account.id)
        assert user is not None
        user.name = name
        return await tx.users.save(user)

    write(urls, work)


def read_from_cache(client: httpx2.Client, account: Account) -> str:
    """Read an account until the response is cached, and return its name."""
    for _ in range(2):
        response = client.get(account.url, headers=account.auth)
    assert response.headers["X-Cache"] == "hit"
    return str(response.json()["name"])


def test_a_write_of_another_service_invalidates_cached_reads(
    client: httpx2.Client, urls: tuple[str, str]
) -> None:
    """The SQL statement itself determines which cached reads are stale."""
    account = sign_up(client, name="Ahmed")
    assert read_from_cache(client, account) == "Ahmed"
    rename(urls, account, "Fatima")
    response = client.get(account.url, headers=account.auth)
    assert (response.headers["X-Cache"], response.json()["name"]) == ("miss", "Fatima")


def test_a_write_that_changes_nothing_invalidates_nothing(
    client: httpx2.Client, urls: tuple[str, str]
) -> None:
    """The row keeps its version, and its cached reads stay current."""
    account = sign_up(client, name="Ahmed")
    assert read_from_cache(client, account) == "Ahmed"
    rename(urls, account, "Ahmed")
    assert client.get(account.url, headers=account.auth).headers["X-Cache"] == "hit"


def test_a_transaction_with_a_failed_statement_is_never_committed(
    client: httpx2.Client, urls: tuple[str, str]
) -> None:
    """After a failed statement, COMMIT would roll back silently, so the write raises an error."""
    account = sign_up(client)

    async def ignore_the_error(tx: Transaction) -> None:
        with suppress(EmailTaken):
            await tx.users.add(name="A", email=account.email, password_hash=None)

    with pytest.raises(RuntimeError, match="statement failed, but the block caught"):
        write(urls, ignore_the_error)
