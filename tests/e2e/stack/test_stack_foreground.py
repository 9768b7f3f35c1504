"""`make up` runs a stack in the foreground, even beside another stack or with external servers."""

import os
import re
import signal

import psycopg
import pytest

from lab.stack.servers.postgres import PostgresServer
from lab.stack.servers.valkey import ValkeyServer
from tests.accounts import signup_body
from tests.e2e.local_stack import LocalStack, read_until


def test_ctrl_c_ends_a_foreground_stack_with_status_0(
    stack: LocalStack, own_stack: LocalStack
) -> None:
    """The stack runs beside the shared stack, uses external servers, and shows requests.

    `lab seed` fills the external database, although DATABASE_URL has the form for SQLAlchemy. On
    Ctrl-C, all processes of the stack end, but the external servers do not.
    """
    with (
        PostgresServer(own_stack.directory / "other" / "postgres", settings={"fsync": "off"}) as db,
        ValkeyServer(own_stack.directory / "other" / "valkey") as cache,
    ):
        url = db.migrator_url.replace("postgresql:", "postgresql+psycopg:")
        up = own_stack.spawn("up", DATABASE_URL=url, REDIS_URL=cache.url)
        greeting = read_until(up, '"password"')
        origin = f"http://localhost:{own_stack.http_port}"
        first = [line.split()[-1] for line in greeting.splitlines()[2:5]]
        assert first == [f"{origin}/lab", f"{origin}/lab/mail", f"{origin}/docs"]
        assert f"curl -i -X POST {origin}/api/users" in greeting
        assert "PostgreSQL" not in greeting
        read_until(up, "The service runs. Ctrl-C stops it.")
        assert own_stack.request("POST", "/api/users", body=signup_body()).status == 201
        (line,) = re.findall(r".* /api/users .*", read_until(up, "/api/users"))
        assert re.fullmatch(r"\d\d:\d\d:\d\d 201 POST +/api/users +\d+\.\d ms  app-[12]", line)
        assert len(line) <= 80
        own_stack.succeed("seed", SEED_ORDERS="10")
        with psycopg.connect(db.url) as connection:
            assert connection.execute("SELECT count(*) FROM orders").fetchone() == (10,)
        assert stack.request("GET", "/readyz").status == 200
        identities = own_stack.identities()
        assert set(identities) == {
            "supervisor",
            "collector",
            "app-1",
            "app-2",
            "worker",
            "caddy",
        }

        # On Ctrl-C, a terminal sends SIGINT to every process of the foreground group.
        os.killpg(up.pid, signal.SIGINT)
        output = up.communicate(timeout=60)[0]
        assert up.returncode == 0, output
        assert [name for name, identity in identities.items() if identity.process()] == []
        assert db.ready()
        assert cache.ready()


@pytest.mark.slow
def test_a_closed_terminal_ends_a_stack_that_is_still_starting(own_stack: LocalStack) -> None:
    """On SIGHUP during the start, the stack ends all its processes, and exits with 0."""
    up = own_stack.spawn("up")
    read_until(up, "Valkey")
    identities = own_stack.identities()
    os.killpg(up.pid, signal.SIGHUP)
    output = up.communicate(timeout=60)[0]
    assert up.returncode == 0, output
    assert [name for name, identity in identities.items() if identity.process()] == []
