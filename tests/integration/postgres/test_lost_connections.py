"""The service replaces unusable database connections."""

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

POOL_SIZE = 3
CALLS_TO_PREPARE = 8 * POOL_SIZE
"""Enough calls for psycopg to prepare their statements, which takes five uses on a connection."""

END_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'roundtrip' AND datname = current_database()
"""
CONNECTIONS = """
    SELECT pid FROM pg_stat_activity
    WHERE application_name = 'roundtrip' AND datname = current_database()
"""
END_WAITING_CONNECTIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE %s = ANY (pg_blocking_pids(pid))
"""


@pytest.fixture
def url(new_tables: NewDatabase) -> str:
    """A database for one test."""
    return new_tables()


@pytest.fixture
def client(url: str, start_service: StartService) -> httpx2.Client:
    """A client of a service that has no cache and has used its three database connections."""
    settings = {"DATABASE_URL": url, "DATABASE_POOLER": "none"}
    client = start_service(**settings, DATABASE_POOL_SIZE=str(POOL_SIZE), CACHE="off").client
    at_once([lambda: client.post("/api/users", json=signup_body())] * (3 * POOL_SIZE))
    return client


def run_statement(url: str, statement: str, *values: object) -> None:
    """Run a statement on the database, outside the service."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode(), values)


def rename(client: httpx2.Client, account: Account, name: str) -> httpx2.Response:
    """Change the name of an account, whatever its current version."""
    headers = {**account.auth, "If-Match": "*"}
    return client.patch(account.url, json={"name": name}, headers=headers)


def test_a_migration_that_changes_a_type_fails_no_read_and_no_write(
    url: str, client: httpx2.Client
) -> None:
    """PostgreSQL refuses an outdated plan once per connection (0A000), and the service retries."""
    account = sign_up(client)
    for number in range(CALLS_TO_PREPARE):
        assert client.get(account.url, headers=account.auth).status_code == 200
        assert rename(client, account, f"A{number}").status_code == 200
    run_statement(url, "ALTER TABLE users ALTER COLUMN name TYPE varchar(200)")
    for _ in range(2 * POOL_SIZE):
        assert client.get(account.url, headers=account.auth).status_code == 200
    for number in range(CALLS_TO_PREPARE):
        assert rename(client, account, f"B{number}").status_code == 200
    run_statement(url, "ALTER TABLE users ALTER COLUMN name TYPE varchar(300)")
    for number in range(2 * POOL_SIZE):
        assert rename(client, account, f"C{number}").status_code == 200  # check F24


def test_the_connection_that_replaces_a_lost_one_is_used_again(
    url: str, client: httpx2.Client
) -> None:
    """The first read replaces all outdated connections by a new one, which stays in the pool."""
    account = sign_up(client)
    for _ in range(CALLS_TO_PREPARE):
        assert client.get(account.url, headers=account.auth).status_code == 200
    run_statement(url, "ALTER TABLE users ALTER COLUMN name TYPE varchar(200)")
    connections = []
    for _ in range(2):
        assert client.get(account.url, headers=account.auth).status_code == 200
        with psycopg.connect(url) as database:
            connections.append(database.execute(CONNECTIONS).fetchall())
    ((new,),) = connections[0]
    assert (new,) in connections[1]


def test_an_outdated_plan_late_in_a_transaction_fails_at_most_once_per_connection(
    url: str, client: httpx2.Client
) -> None:
    """The service does not repeat a login that has already run a statement.

    Instead, it closes the connection of the login.
    """
    body = {"email": sign_up(client).email, "password": PASSWORD}
    log_in = partial(client.post, "/api/auth/login", json=body)
    assert {log_in().status_code for _ in range(CALLS_TO_PREPARE)} == {200}
    run_statement(url, "ALTER TABLE sessions ALTER COLUMN user_agent TYPE varchar(2000)")
    found = statuses([log_in() for _ in range(3 * POOL_SIZE)])
    assert 1 <= found[503] <= POOL_SIZE
    assert {log_in().status_code for _ in range(2 * POOL_SIZE)} == {200}


def test_a_write_on_a_read_only_server_closes_its_connection(
    url: str, client: httpx2.Client
) -> None:
    """A primary that has become a replica refuses writes with 25006.

    The service then closes the connection, because a new connection reaches the new primary.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        name = sql.Identifier(connection.info.dbname)
        setting = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = {}")
        connection.execute(setting.format(name, sql.SQL("on")))
        run_statement(url, END_CONNECTIONS)
        sent = client.post("/api/users", json=signup_body())
        assert (sent.status_code, sent.json()["code"]) == (503, "unavailable")  # check F23
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json()["postgres"]) == (200, "read-only")  # check F23
        assert ready.json()["status"] == "degraded"
        connection.execute(setting.format(name, sql.SQL("off")))
    # The pool still has read-only connections, which the service must replace.
    for _ in range(2 * POOL_SIZE):
        assert client.post("/api/users", json=signup_body()).status_code == 201


def test_a_transaction_without_changes_is_repeated_on_another_connection(
    url: str, client: httpx2.Client
) -> None:
    """An operator ends the connection (57P01) while its first statement waits for a lock."""
    account = sign_up(client)
    with psycopg.connect(url) as holder, ThreadPoolExecutor() as threads:
        holder.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", [account.id])
        renaming = threads.submit(rename, client, account, "B")
        wait_for_lock(holder)
        run_statement(url, END_WAITING_CONNECTIONS, holder.info.backend_pid)
        wait_for_lock(holder)
        holder.rollback()
        assert renaming.result().status_code == 200
