"""Timeouts that depend on each other: a restart interrupts no request (docs/restarts.md)."""

import re

from app.settings import Settings
from lab.stack.config.environment import service_environment
from lab.stack.servers.apps import CADDY_NOTICES_AFTER_SECONDS, UVICORN
from lab.stack.servers.caddy import CADDYFILE


def _caddy_seconds(directive: str) -> int:
    (seconds,) = re.findall(rf"^\s*{directive} (\d+)s$", CADDYFILE.read_text(), re.MULTILINE)
    return int(seconds)


def _uvicorn_seconds(option: str) -> int:
    return int(UVICORN[UVICORN.index(option) + 1])


def _default_seconds(setting: str) -> float:
    return float(Settings.model_fields[setting].default)


def test_the_drain_delay_is_at_least_two_health_check_intervals() -> None:
    """The local delay and the default for production are long enough.

    After a new local process is ready, the stack waits longer than one interval.
    """
    local = service_environment(
        database_url="", redis_url="", token_signing_key="", environment={}
    )["DRAIN_DELAY"]
    assert float(local) >= 2 * _caddy_seconds("health_interval")
    assert _default_seconds("drain_delay") >= 2 * _caddy_seconds("health_interval")
    assert _caddy_seconds("health_interval") < CADDY_NOTICES_AFTER_SECONDS


def test_the_request_timeout_is_shorter_than_the_grace_periods() -> None:
    """During a shutdown, a request ends before uvicorn or Caddy would interrupt it."""
    assert _default_seconds("request_timeout") < _uvicorn_seconds("--timeout-graceful-shutdown")
    assert _default_seconds("request_timeout") < _caddy_seconds("grace_period")


def test_caddy_closes_an_idle_connection_before_uvicorn_does() -> None:
    """Caddy sends no request on a connection that uvicorn is closing."""
    assert _caddy_seconds("keepalive") < _uvicorn_seconds("--timeout-keep-alive")


def test_the_lock_timeout_of_migrations_is_shorter_than_the_timeouts_of_requests() -> None:
    """A wait for a migration ends before the pool timeout and before the statement timeout."""
    environment = (CADDYFILE.parents[1] / "migrations" / "env.py").read_text()
    (seconds,) = re.findall(r"_LOCK_TIMEOUT = .lock_timeout = '(\d+)s'", environment)
    assert int(seconds) < _default_seconds("database_pool_timeout")
    assert int(seconds) < _default_seconds("database_statement_timeout")
