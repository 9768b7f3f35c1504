"""`lab fault`: what is broken on purpose stays broken until it is healed, and then is well."""

import secrets
import time
from functools import partial

import psycopg
import pytest

from lab.stack.apps import CADDY_NOTICES_AFTER_SECONDS, AppProcess
from lab.stack.control import running
from lab.stack.control import status as print_status
from lab.stack.identity import Identity
from lab.stack.paths import Paths
from lab.stack.postgres import PostgresServer
from lab.stack.waiting import wait_until
from tests.e2e.conftest import Fault
from tests.e2e.local_stack import Answer, LocalStack, signup


def ready(stack: LocalStack) -> Answer:
    """Ask how the service is."""
    return stack.request("GET", "/readyz")


def timed(stack: LocalStack, path: str, body: dict[str, str]) -> tuple[int, float]:
    """Post it; the status, and how many seconds it took."""
    began = time.monotonic()
    return stack.request("POST", path, body=body).status, time.monotonic() - began


def timed_signup(stack: LocalStack) -> tuple[int, float]:
    """Sign somebody new up."""
    return timed(stack, "/api/users", signup(f"{secrets.token_hex(8)}@example.com"))


def is_replaced(app: AppProcess, before: Identity) -> bool:
    """Whether another process serves in its place."""
    return app.identity != before and app.ready()


@pytest.mark.parametrize("deed", ["stop", pytest.param("freeze", marks=pytest.mark.slow)])
def test_redis_is_away_until_it_is_healed(stack: LocalStack, fault: Fault, deed: str) -> None:
    """The service works without it and says so; twice is like once, and so is healing."""
    assert "Heal it:  lab fault redis heal" in fault("redis", deed)
    assert wait_until(lambda: ready(stack).json()["redis"] == "down", timeout_s=10)
    assert "Heal it" in fault("redis", deed)
    assert stack.request("GET", "/api/products").status == 200
    assert ready(stack).json()["redis"] == "down"
    assert "answers again" in fault("redis", "heal")
    assert wait_until(lambda: ready(stack).json()["redis"] == "up", timeout_s=10)
    assert "nothing to heal" in fault("redis", "heal")


@pytest.mark.parametrize(("part", "name"), [("postgres", "PostgreSQL"), ("redis", "Valkey")])
def test_status_says_within_two_seconds_that_a_frozen_server_does_not_answer(
    stack: LocalStack, fault: Fault, capsys: pytest.CaptureFixture[str], part: str, name: str
) -> None:
    """Its process is there, and PostgreSQL's own file goes on calling it ready."""
    fault(part, "freeze")
    began = time.monotonic()
    assert print_status(Paths(stack.directory)) == 0
    assert time.monotonic() - began < 2
    assert health_of(name, capsys.readouterr().out) == "does not answer"
    fault(part, "heal")
    print_status(Paths(stack.directory))
    assert health_of(name, capsys.readouterr().out) == "ready"


def health_of(name: str, table: str) -> str:
    """Return what `lab status` says of a part."""
    (line,) = (line for line in table.splitlines() if line.startswith(f"{name} "))
    return line.rpartition("   ")[2]


@pytest.mark.parametrize("deed", ["stop", pytest.param("freeze", marks=pytest.mark.slow)])
def test_postgres_is_away_until_it_is_healed(stack: LocalStack, fault: Fault, deed: str) -> None:
    """Clients are told 503 meanwhile, and nothing has been lost afterwards."""
    assert "Heal it:  lab fault postgres heal" in fault("postgres", deed)
    assert timed_signup(stack)[0] == 503
    assert "answers again" in fault("postgres", "heal")
    assert wait_until(lambda: timed_signup(stack)[0] == 201, timeout_s=10)


@pytest.mark.slow
def test_every_statement_takes_longer_until_it_is_healed(stack: LocalStack, fault: Fault) -> None:
    """Once for a statement, another time takes the place of the first; reading and writing."""
    fault("slow-sql", "10s")
    assert "200 ms longer" in fault("slow-sql", "200ms")
    person = signup(f"{secrets.token_hex(8)}@example.com")
    status, took = timed(stack, "/api/users", person)
    assert (status, 0.2 <= took < 5) == (201, True), took
    # Looking the person up is one statement, writing the session down another.
    login = {"email": person["email"], "password": person["password"]}
    status, took = timed(stack, "/api/auth/login", login)
    assert (status, 0.4 <= took < 5) == (200, True), took
    assert "no longer delayed" in fault("slow-sql", "heal")
    with psycopg.connect(PostgresServer(stack.directory / "postgres").url) as connection:
        left = "SELECT (SELECT count(*) FROM pg_policies), to_regnamespace('lab_fault')"
        assert connection.execute(left).fetchone() == (0, None)
    assert "nothing to heal" in fault("slow-sql", "heal")


@pytest.mark.slow
def test_a_killed_app_process_is_replaced_and_nobody_notices(
    stack: LocalStack, fault: Fault
) -> None:
    """It needs no healing; the name may be left out."""
    for words, name in ((["app", "kill"], "app-1"), (["app", "kill", "app-2"], "app-2")):
        before = stack.identities()[name]
        assert f"{name} (process {before.pid})" in fault(*words)
        assert [stack.request("GET", "/livez").status for _ in range(10)] == [200] * 10
        app = next(app for app in running(Paths(stack.directory)).apps if app.name == name)
        assert wait_until(partial(is_replaced, app, before), timeout_s=30)
        # Until the load balancer knows the new one, the other must not go.
        time.sleep(CADDY_NOTICES_AFTER_SECONDS)


@pytest.mark.slow
def test_a_stack_that_is_started_again_is_healed_of_everything(
    stack: LocalStack, fault: Fault
) -> None:
    """Three faults at once, and a stop that does not wait for who cannot hear."""
    fault("slow-sql", "300ms")
    fault("redis", "stop")
    fault("postgres", "freeze")
    began = time.monotonic()
    assert stack.run("stop").returncode == 0
    assert time.monotonic() - began < 12
    stack.start()
    assert ready(stack).json() == {"status": "ready", "postgres": "up", "redis": "up"}
    assert "nothing to heal" in fault("slow-sql", "heal")
    assert "nothing to heal" in fault("redis", "heal")


@pytest.mark.slow
def test_a_stack_whose_frozen_servers_outlived_it_is_started_again(
    stack: LocalStack, fault: Fault
) -> None:
    """A killed supervisor leaves them; the next start ends them all the same."""
    fault("postgres", "freeze")
    fault("redis", "freeze")
    stack.kill("supervisor")
    stack.start()
    assert ready(stack).json() == {"status": "ready", "postgres": "up", "redis": "up"}
