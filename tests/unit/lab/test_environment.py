"""What the caller's environment asks of the stack, and what the service is given."""

from pathlib import Path

import pytest

from lab.stack.environment import Choices, service_environment
from lab.stack.errors import LabError
from lab.stack.paths import Paths
from lab.stack.stack import Stack


def given(**environment: str) -> dict[str, str]:
    """Return what the service gets when the caller has set these."""
    return service_environment(
        database_url="postgresql://db",
        redis_url="redis://cache",
        token_signing_key="made",
        environment=environment,
    )


def test_a_bare_environment_is_completed() -> None:
    """Everything that a local service needs is there."""
    environment = given()
    assert environment["ENVIRONMENT"] == "local"
    assert environment["LOG_FORMAT"] == "console"
    assert environment["TOKEN_SIGNING_KEY"] == "made"
    assert environment["DATABASE_URL"] == "postgresql://db"
    assert environment["REDIS_URL"] == "redis://cache"
    assert environment["RATE_LIMIT_REDIS_URL"] == "redis://cache"


def test_every_setting_of_the_caller_wins() -> None:
    """Defaults are defaults, and settings unknown here pass through."""
    environment = given(LOG_FORMAT="json", TOKEN_SIGNING_KEY="mine", RATE_LIMIT_LOGIN="1/hour")
    assert environment["LOG_FORMAT"] == "json"
    assert environment["TOKEN_SIGNING_KEY"] == "mine"
    assert environment["RATE_LIMIT_LOGIN"] == "1/hour"


def test_an_empty_setting_counts_as_not_set() -> None:
    """`make start TOKEN_SIGNING_KEY=` does not take the key away."""
    assert given(TOKEN_SIGNING_KEY="")["TOKEN_SIGNING_KEY"] == "made"


def test_the_settings_of_a_provider_belong_together() -> None:
    """The stack's own come whole, past what the caller's shell may have of another."""
    environment = service_environment(
        database_url="postgresql://db",
        redis_url="redis://cache",
        token_signing_key="made",
        provider={"OIDC_ISSUER": "http://own", "OIDC_CLIENT_ID": "own"},
        environment={"OIDC_CLIENT_ID": "another"},
    )
    assert (environment["OIDC_ISSUER"], environment["OIDC_CLIENT_ID"]) == ("http://own", "own")
    assert given(OIDC_ISSUER="https://theirs")["OIDC_ISSUER"] == "https://theirs"


def test_the_provider_sends_people_back_to_this_machine_only() -> None:
    """By every name that it has."""
    origins = Choices(8080, 8443, None, None).origins
    assert "https://localhost:8443" in origins
    assert "http://127.0.0.1:8080" in origins
    assert len(origins) == 6


def test_ports_and_servers_have_defaults() -> None:
    """8080, 8443, and servers of the stack's own."""
    assert Choices.from_environment({}) == Choices(8080, 8443, None, None)


def test_ports_and_servers_can_be_chosen() -> None:
    """All five variables are read."""
    environment = {
        "HTTP_PORT": "81",
        "HTTPS_PORT": "444",
        "DATABASE_URL": "postgresql://x",
        "REDIS_URL": "redis://y",
        "RATE_LIMIT_REDIS_URL": "redis://z",
    }
    assert Choices.from_environment(environment) == Choices(
        81, 444, "postgresql://x", "redis://y", rate_limit_redis_url="redis://z"
    )


@pytest.mark.parametrize(
    ("chosen", "servers", "counted"),
    [
        ({}, {"PostgreSQL", "Valkey", "limits"}, None),
        ({"REDIS_URL": "redis://y"}, {"PostgreSQL"}, "redis://y"),
        ({"RATE_LIMIT_REDIS_URL": "redis://z"}, {"PostgreSQL", "Valkey"}, "redis://z"),
        (
            {"REDIS_URL": "redis://y", "RATE_LIMIT_REDIS_URL": "redis://z"},
            {"PostgreSQL"},
            "redis://z",
        ),
    ],
    ids=["none", "redis", "limits", "both"],
)
def test_requests_are_counted_in_a_server_for_it_or_in_a_given_one(
    chosen: dict[str, str], servers: set[str], counted: str | None, tmp_path: Path
) -> None:
    """A given `REDIS_URL` alone takes the place of both servers."""
    stack = Stack(Paths(tmp_path), Choices.from_environment(chosen))
    for server in (stack.postgres, stack.valkey, stack.limits):
        server.directory.mkdir()
    assert {server.name for server in stack.storage} == servers
    assert stack.rate_limit_redis_url == (counted or stack.limits.url)
    assert stack.service_environment["RATE_LIMIT_REDIS_URL"] == stack.rate_limit_redis_url


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "8080 ", "٨٠"])
def test_what_is_no_port_is_refused_with_its_variable(text: str) -> None:
    """A person reads which variable is wrong."""
    with pytest.raises(LabError, match=r"HTTP_PORT=.* is not a port"):
        Choices.from_environment({"HTTP_PORT": text})


def test_one_port_for_two_is_refused_with_both_variables() -> None:
    """The second would find it taken, by the first."""
    with pytest.raises(LabError, match="HTTP_PORT and HTTPS_PORT are both 8080"):
        Choices.from_environment({"HTTP_PORT": "8080", "HTTPS_PORT": "8080"})
