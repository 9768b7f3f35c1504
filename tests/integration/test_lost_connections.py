"""A connection that is of no more use is replaced, and no request fails for it."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx2
import psycopg
import pytest
from psycopg import sql

from tests.accounts import PASSWORD, Account, sign_up, signup_body
from tests.conftest import NewDatabase, StartService
from tests.integration.faults import wait_for_lock
from tests.integration.wire import at_once, statuses

POOL = 3
ENOUGH_TO_PREPARE = 8 * POOL
"""psycopg prepares a statement that was sent five times on a connection."""

END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'roundtrip' AND datname = current_database()
"""
END_THE_WAITING = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))
"""


@pytest.fixture
def url(new_tables: NewDatabase) -> str:
    """A database of its own."""
    return new_tables()


@pytest.fixture
def client(url: str, start_service: StartService) -> httpx2.Client:
    """Speaks HTTP to a service that caches nothing, by each of its three connections once."""
    client = start_service(DATABASE_URL=url, DATABASE_POOL_SIZE=str(POOL), CACHE="off").client
    at_once([lambda: client.post("/api/users", json=signup_body())] * (3 * POOL))
    return client


def change(url: str, statement: str, *values: object) -> None:
    """Run a statement that changes the database under the service."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode(), values)


def rename(client: httpx2.Client, account: Account, name: str) -> httpx2.Response:
    """Change the name of an account, whatever its version is."""
    headers = {**account.auth, "If-Match": "*"}
    return client.patch(account.url, json={"name": name}, headers=headers)


def test_a_migration_that_changes_a_type_fails_no_read_and_no_write(
    url: str, client: httpx2.Client
) -> None:
    """PostgreSQL refuses the plans that it has prepared (0A000) on each connection once."""
    account = sign_up(client)
    for number in range(ENOUGH_TO_PREPARE):
        assert client.get(account.url, headers=account.auth).status_code == 200
        assert rename(client, account, f"A{number}").status_code == 200
    change(url, "ALTER TABLE users ALTER COLUMN name TYPE varchar(200)")
    for _ in range(2 * POOL):
        assert client.get(account.url, headers=account.auth).status_code == 200
    for number in range(ENOUGH_TO_PREPARE):
        assert rename(client, account, f"B{number}").status_code == 200
    change(url, "ALTER TABLE users ALTER COLUMN name TYPE varchar(300)")
    for number in range(2 * POOL):
        assert rename(client, account, f"C{number}").status_code == 200


def test_a_plan_that_a_transaction_meets_late_fails_it_once(
    url: str, client: httpx2.Client
) -> None:
    """It has done something already, and is not repeated; its connection is not used again."""
    body = {"email": sign_up(client).email, "password": PASSWORD}
    log_in = partial(client.post, "/api/auth/login", json=body)
    assert {log_in().status_code for _ in range(ENOUGH_TO_PREPARE)} == {200}
    change(url, "ALTER TABLE sessions ALTER COLUMN user_agent TYPE varchar(2000)")
    found = statuses([log_in() for _ in range(3 * POOL)])
    assert 1 <= found[503] <= POOL
    assert {log_in().status_code for _ in range(2 * POOL)} == {200}


def test_a_write_leaves_a_server_that_takes_reads_only(url: str, client: httpx2.Client) -> None:
    """A primary that has become a replica answers 25006; a new connection finds the new primary."""
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        setting = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
        connection.execute(setting.format(name, sql.SQL("on")))
        change(url, END_CONNECTIONS)
        sent = client.post("/api/users", json=signup_body())
        assert (sent.status_code, sent.json()["code"]) == (503, "unavailable")
        assert client.get("/readyz").status_code == 200
        connection.execute(setting.format(name, sql.SQL("off")))
    # The connections of the pool are read-only ones still.
    for _ in range(2 * POOL):
        assert client.post("/api/users", json=signup_body()).status_code == 201


def test_a_transaction_that_has_done_nothing_begins_again_on_another_connection(
    url: str, client: httpx2.Client
) -> None:
    """Its first statement waits for a lock when an operator ends its connection (57P01)."""
    account = sign_up(client)
    with psycopg.connect(url) as holder, ThreadPoolExecutor() as threads:
        holder.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", [account.id])
        renaming = threads.submit(rename, client, account, "B")
        wait_for_lock(holder)
        change(url, END_THE_WAITING, holder.info.backend_pid)
        wait_for_lock(holder)
        holder.rollback()
        assert renaming.result().status_code == 200
