"""Responses while PostgreSQL is killed, frozen, slow or busy, and the recovery afterwards."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx2
import psycopg
import pytest

from lab.stack.servers.postgres import PostgresServer
from tests.accounts import Account, sign_up, signup_body
from tests.conftest import StartService
from tests.integration.faults import (
    connections,
    frozen,
    timed,
    unavailable,
    wait_for_lock,
    wait_until_available,
)
from tests.integration.wire import at_once, problem, statuses
from tests.service import Service

POOL_SIZE = 3


@pytest.fixture(scope="module")
def service(postgres: PostgresServer, start_service: StartService) -> Service:
    """A service with short timeouts that uses the server `postgres`."""
    return start_service(
        DATABASE_URL=postgres.url,
        DATABASE_POOL_SIZE=str(POOL_SIZE),
        DATABASE_POOL_TIMEOUT="0.5",
        DATABASE_STATEMENT_TIMEOUT="1",
        REQUEST_TIMEOUT="2",
        # A cached read would succeed without PostgreSQL.
        CACHE="off",
    )


@pytest.fixture(scope="module")
def client(service: Service) -> httpx2.Client:
    """An HTTP client of `service`."""
    return service.client


@pytest.fixture(scope="module")
def victim(client: httpx2.Client) -> Account:
    """A user of `service`."""
    return sign_up(client)


def _rename(client: httpx2.Client, account: Account) -> httpx2.Response:
    headers = {**account.auth, "If-Match": account.etag}
    return client.patch(account.url, json={"name": "B"}, headers=headers)


def test_killed_postgres_means_503_until_it_is_back(
    service: Service, client: httpx2.Client, victim: Account, postgres: PostgresServer
) -> None:
    """Every request that needs PostgreSQL gets a 503, and the service recovers on its own."""
    before = len(service.log.read_text())
    postgres.kill()
    calls = [
        lambda: client.get(victim.url, headers=victim.auth),
        lambda: client.post("/api/users", json=signup_body()),
        lambda: client.post("/api/auth/login", json={"email": "a@b.com", "password": "x"}),
        lambda: client.patch(victim.url, json={}, headers={**victim.auth, "If-Match": "*"}),
    ]
    for response in at_once(calls * 3):
        unavailable(response)  # check F1
    assert client.get("/livez").status_code == 200
    problem(client.get("/readyz"), 503, "not-ready")
    excluded = client.get("/readyz?exclude=postgres")
    assert excluded.status_code == 200
    assert excluded.json()["postgres"] == "down"
    postgres.start()
    wait_until_available(client, victim, timeout_seconds=5)  # check F1
    for _ in range(2 * POOL_SIZE):
        assert client.get(victim.url, headers=victim.auth).status_code == 200
    assert client.post("/api/users", json=signup_body()).status_code == 201
    assert client.get("/readyz").json()["postgres"] == "up"
    assert "Traceback" not in service.log.read_text()[before:]


def test_no_request_fails_on_a_closed_connection(
    client: httpx2.Client, victim: Account, postgres: PostgresServer
) -> None:
    """The pool checks each connection before a request gets it."""
    at_once([lambda: client.get(victim.url, headers=victim.auth)] * POOL_SIZE)
    with psycopg.connect(postgres.admin_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'roundtrip'"
        )
    responses = at_once([lambda: client.get(victim.url, headers=victim.auth)] * POOL_SIZE)
    assert statuses(responses) == {200: POOL_SIZE}  # check F1


def test_no_request_fails_on_a_notice_to_idle_connections(
    client: httpx2.Client, victim: Account, postgres: PostgresServer
) -> None:
    """PostgreSQL reports a changed setting on idle connections. The pool may then replace them."""
    at_once([lambda: client.get(victim.url, headers=victim.auth)] * POOL_SIZE)
    with psycopg.connect(postgres.admin_url, autocommit=True) as connection:
        for change in ("SET timezone = 'Asia/Tokyo'", "RESET timezone"):
            connection.execute(f"ALTER SYSTEM {change}")
            connection.execute("SELECT pg_reload_conf()")
            responses = at_once([lambda: client.get(victim.url, headers=victim.auth)] * POOL_SIZE)
            assert statuses(responses) == {200: POOL_SIZE}


def test_frozen_postgres_means_503_within_the_deadline(
    client: httpx2.Client, victim: Account, postgres: PostgresServer
) -> None:
    """Every request gets a response within 2.8 s, /livez at once. No connections accumulate."""
    wait_until_available(client, victim, timeout_seconds=5)
    with frozen(postgres):
        waiting = at_once(
            [
                *[lambda: timed(lambda: client.get(victim.url, headers=victim.auth))]
                * 2
                * POOL_SIZE,
                *[lambda: timed(lambda: client.get("/livez"))] * 2,
                lambda: timed(lambda: client.get("/readyz")),
            ]
        )
        alive = sorted(timed(lambda: client.get("/livez"))[1] for _ in range(9))
    for response, seconds in waiting[: 2 * POOL_SIZE]:
        unavailable(response)  # check F2
        assert seconds < 2.8
    assert all(response.status_code == 200 for response, _ in waiting[-3:-1])
    problem(waiting[-1][0], 503, "not-ready")
    assert waiting[-1][1] < 2
    assert alive[len(alive) // 2] < 0.05  # check F2
    wait_until_available(client, victim, timeout_seconds=15)
    assert connections(postgres, "%") <= POOL_SIZE


def test_a_statement_that_waits_too_long_for_a_lock_means_503(
    client: httpx2.Client, postgres: PostgresServer
) -> None:
    """PostgreSQL cancels the statement, and the pool reuses the connection of the statement."""
    account = sign_up(client)
    rename = partial(_rename, client, account)
    with psycopg.connect(postgres.url) as connection:
        connection.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", [account.id])
        response, seconds = timed(rename)
        unavailable(response)  # check F5
        assert 0.9 < seconds < 2
        connection.rollback()
    responses = at_once([rename] * (POOL_SIZE + 1))
    assert statuses(responses) == {200: 1, 412: POOL_SIZE}  # check F5
    assert connections(postgres, "idle in transaction%") == 0


@pytest.mark.parametrize(("code", "status"), [("P0001", 500), ("40001", 503), ("57014", 503)])
def test_a_failed_commit_is_never_reported_as_success(
    client: httpx2.Client, postgres: PostgresServer, code: str, status: int
) -> None:
    """The service responds after the commit, so it never confirms a rolled-back change."""
    body = signup_body()
    with psycopg.connect(postgres.migrator_url, autocommit=True) as connection:
        connection.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{code}'; END $$"
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON users "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        try:
            response = client.post("/api/users", json=body)
        finally:
            connection.execute("DROP FUNCTION refuse CASCADE")
    assert response.status_code == status, response.text  # check F4
    assert client.post("/api/users", json=body).status_code == 201


def test_a_connection_that_closes_during_a_statement_means_503(
    client: httpx2.Client, postgres: PostgresServer
) -> None:
    """Nothing is changed, and the next request uses another connection."""
    account = sign_up(client)
    rename = partial(_rename, client, account)
    with psycopg.connect(postgres.url) as connection, ThreadPoolExecutor(1) as threads:
        connection.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", [account.id])
        waiting = threads.submit(rename)
        wait_for_lock(connection)
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'roundtrip' AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        assert ended.fetchall() == [(True,)]
        unavailable(waiting.result(), "unavailable")
        connection.rollback()
    assert rename().status_code == 200


def test_an_exhausted_pool_means_503_within_its_timeout(
    client: httpx2.Client, postgres: PostgresServer
) -> None:
    """A request waits at most 0.5 s for a connection. Afterwards, all connections are free."""
    account = sign_up(client)
    rename = partial(_rename, client, account)
    with psycopg.connect(postgres.url) as connection:
        connection.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", [account.id])
        responses = at_once([lambda: timed(rename)] * (3 * POOL_SIZE))
        connection.rollback()
    for response, _ in responses:
        unavailable(response)
    seconds = sorted(duration for _, duration in responses)
    assert seconds[2 * POOL_SIZE - 1] < 0.9  # check F7
    assert client.get(account.url, headers=account.auth).status_code == 200
    assert connections(postgres, "active") == 0
    assert connections(postgres, "idle in transaction%") == 0  # check F7
