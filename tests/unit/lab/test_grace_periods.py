"""What must be longer than what, so that a restart cuts nobody off; see docs/restarts.md."""

import re

from app.settings import Settings
from lab.stack.apps import CADDY_NOTICES_AFTER_SECONDS, UVICORN
from lab.stack.caddy import CADDYFILE
from lab.stack.environment import service_environment


def _of_caddy(directive: str) -> int:
    (seconds,) = re.findall(rf"^\s*{directive} (\d+)s$", CADDYFILE.read_text(), re.MULTILINE)
    return int(seconds)


def _of_uvicorn(option: str) -> int:
    return int(UVICORN[UVICORN.index(option) + 1])


def _by_default(setting: str) -> float:
    return float(Settings.model_fields[setting].default)


def test_a_process_drains_for_longer_than_the_load_balancer_takes_to_look() -> None:
    """Twice as long, on a laptop as in production; and a new one is given as much time."""
    local = service_environment(
        database_url="", redis_url="", token_signing_key="", environment={}
    )["DRAIN_DELAY"]
    assert float(local) >= 2 * _of_caddy("health_interval")
    assert _by_default("drain_delay") >= 2 * _of_caddy("health_interval")
    assert _of_caddy("health_interval") < CADDY_NOTICES_AFTER_SECONDS


def test_every_request_ends_before_it_could_be_cut_off() -> None:
    """By the process that ends, or by a load balancer that does."""
    assert _by_default("request_timeout") < _of_uvicorn("--timeout-graceful-shutdown")
    assert _by_default("request_timeout") < _of_caddy("grace_period")


def test_the_load_balancer_lets_go_of_a_connection_before_the_process_does() -> None:
    """Else it would send a request in the very moment in which the other side closes."""
    assert _of_caddy("keepalive") < _of_uvicorn("--timeout-keep-alive")


def test_a_migration_gives_up_a_table_before_a_request_gives_up_its_place() -> None:
    """Who waits behind it waits for less than for a connection, and for a statement."""
    environment = (CADDYFILE.parents[1] / "migrations" / "env.py").read_text()
    (seconds,) = re.findall(r"SET lock_timeout = '(\d+)s'", environment)
    assert int(seconds) < _by_default("database_pool_timeout")
    assert int(seconds) < _by_default("database_statement_timeout")
