"""What clients see while PostgreSQL is killed, frozen, slow or busy; and that it passes."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx2
import psycopg
import pytest

from lab.stack.postgres import PostgresServer
from tests.accounts import Account, sign_up, signup_body
from tests.conftest import StartService, migrate
from tests.integration.faults import (
    connections,
    frozen,
    processes,
    send_signal,
    timed,
    unavailable,
    wait_until_well,
)
from tests.integration.wire import at_once, problem, statuses
from tests.service import Service

POOL = 3


@pytest.fixture(scope="module")
def postgres(scratch: Path) -> Iterator[PostgresServer]:
    """A server that may be mistreated."""
    with PostgresServer(scratch / "mistreated", settings={"fsync": "off"}) as server:
        migrate(server.url)
        yield server


@pytest.fixture(scope="module")
def service(postgres: PostgresServer, start_service: StartService) -> Service:
    """A service with short deadlines on that server."""
    return start_service(
        DATABASE_URL=postgres.url,
        DATABASE_POOL_SIZE=str(POOL),
        DATABASE_POOL_TIMEOUT="0.5",
        DATABASE_STATEMENT_TIMEOUT="1",
        REQUEST_TIMEOUT="2",
        # What is in the cache would be read without PostgreSQL.
        CACHE="off",
    )


@pytest.fixture(scope="module")
def client(service: Service) -> httpx2.Client:
    """Speaks HTTP to that service."""
    return service.client


@pytest.fixture(scope="module")
def victim(client: httpx2.Client) -> Account:
    """Somebody with an account on that server."""
    return sign_up(client)


def test_killed_postgres_means_503_until_it_is_back(
    service: Service, client: httpx2.Client, victim: Account, postgres: PostgresServer
) -> None:
    """Only 503 problems meanwhile, and no hand needed afterwards."""
    before = len(service.log.read_text())
    send_signal(processes(postgres), signal.SIGKILL)
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
    wait_until_well(client, victim, patience=5)  # check F1
    for _ in range(2 * POOL):
        assert client.get(victim.url, headers=victim.auth).status_code == 200
    assert client.post("/api/users", json=signup_body()).status_code == 201
    assert client.get("/readyz").json()["postgres"] == "up"
    assert "Traceback" not in service.log.read_text()[before:]


def test_connections_that_died_meanwhile_cost_nobody_a_request(
    client: httpx2.Client, victim: Account, postgres: PostgresServer
) -> None:
    """The pool looks at each connection before a request gets it."""
    at_once([lambda: client.get(victim.url, headers=victim.auth)] * POOL)
    with psycopg.connect(postgres.admin_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = 'roundtrip'"
        )
    responses = at_once([lambda: client.get(victim.url, headers=victim.auth)] * POOL)
    assert statuses(responses) == {200: POOL}  # check F1


def test_news_from_postgres_on_waiting_connections_cost_nobody_a_request(
    client: httpx2.Client, victim: Account, postgres: PostgresServer
) -> None:
    """A changed setting is told to every connection; one that is not dead may be replaced."""
    at_once([lambda: client.get(victim.url, headers=victim.auth)] * POOL)
    with psycopg.connect(postgres.admin_url, autocommit=True) as connection:
        for change in ("SET timezone = 'Asia/Tokyo'", "RESET timezone"):
            connection.execute(f"ALTER SYSTEM {change}")
            connection.execute("SELECT pg_reload_conf()")
            responses = at_once([lambda: client.get(victim.url, headers=victim.auth)] * POOL)
            assert statuses(responses) == {200: POOL}


def test_frozen_postgres_means_503_within_the_deadline(
    client: httpx2.Client, victim: Account, postgres: PostgresServer
) -> None:
    """Everybody gets an answer in time, liveness at once, and nothing piles up."""
    wait_until_well(client, victim, patience=5)
    with frozen(postgres):
        waiting = at_once(
            [
                *[lambda: timed(lambda: client.get(victim.url, headers=victim.auth))] * 2 * POOL,
                *[lambda: timed(lambda: client.get("/livez"))] * 2,
                lambda: timed(lambda: client.get("/readyz")),
            ]
        )
        alive = sorted(timed(lambda: client.get("/livez"))[1] for _ in range(9))
    for response, seconds in waiting[: 2 * POOL]:
        unavailable(response)  # check F2
        assert seconds < 2.8
    assert all(response.status_code == 200 for response, _ in waiting[-3:-1])
    problem(waiting[-1][0], 503, "not-ready")
    assert waiting[-1][1] < 2
    assert alive[len(alive) // 2] < 0.05  # check F2
    wait_until_well(client, victim, patience=15)
    assert connections(postgres, "%") <= POOL


def test_a_lock_that_is_not_released_means_503_and_the_connection_is_used_again(
    client: httpx2.Client, postgres: PostgresServer
) -> None:
    """Postgres gives the statement up, and its connection goes on with the next one."""
    account = sign_up(client)
    headers = {**account.auth, "If-Match": account.etag}

    def rename() -> httpx2.Response:
        return client.patch(account.url, json={"name": "Renamed"}, headers=headers)

    with psycopg.connect(postgres.url) as connection:
        connection.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", [account.id])
        response, seconds = timed(rename)
        unavailable(response)  # check F5
        assert 0.9 < seconds < 2
        connection.rollback()
    responses = at_once([rename] * (POOL + 1))
    assert statuses(responses) == {200: 1, 412: POOL}  # check F5
    assert connections(postgres, "idle in transaction%") == 0


@pytest.mark.parametrize(("code", "status"), [("P0001", 500), ("40001", 503), ("57014", 503)])
def test_a_commit_that_fails_is_never_a_success(
    client: httpx2.Client, postgres: PostgresServer, code: str, status: int
) -> None:
    """The answer is given after the commit, so that it cannot promise what was rolled back."""
    body = signup_body()
    with psycopg.connect(postgres.url, autocommit=True) as connection:
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


def test_a_connection_that_is_cut_during_a_statement_means_503(
    client: httpx2.Client, postgres: PostgresServer
) -> None:
    """Nothing happened, and the next request has another connection."""
    account = sign_up(client)
    headers = {**account.auth, "If-Match": account.etag}
    rename = partial(client.patch, account.url, json={"name": "B"}, headers=headers)
    with (
        psycopg.connect(postgres.url) as connection,
        ThreadPoolExecutor(1) as threads,
    ):
        connection.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", [account.id])
        waiting = threads.submit(rename)
        while not connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'roundtrip' AND wait_event_type = 'Lock'"
        ).fetchall():
            time.sleep(0.01)
        unavailable(waiting.result(), "unavailable")
        connection.rollback()
    assert rename().status_code == 200


def test_an_exhausted_pool_means_503_within_its_timeout(
    client: httpx2.Client, postgres: PostgresServer
) -> None:
    """Who finds no connection waits half a second at most, and afterwards all are free."""
    account = sign_up(client)
    headers = {**account.auth, "If-Match": account.etag}
    rename = partial(client.patch, account.url, json={"name": "B"}, headers=headers)
    with psycopg.connect(postgres.url) as connection:
        connection.execute("SELECT 1 FROM users WHERE id = %s FOR UPDATE", [account.id])
        answers = at_once([lambda: timed(rename)] * (3 * POOL))
        connection.rollback()
    for response, _ in answers:
        unavailable(response)
    seconds = sorted(took for _, took in answers)
    assert seconds[2 * POOL - 1] < 0.9  # check F7
    assert client.get(account.url, headers=account.auth).status_code == 200
    assert connections(postgres, "active") == 0
    assert connections(postgres, "idle in transaction%") == 0  # check F7
