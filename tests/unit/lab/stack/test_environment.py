"""The settings of the stack and of the service, from the caller's environment variables."""

from functools import partial
from pathlib import Path

import pytest

from lab.stack.config.environment import Choices, service_environment
from lab.stack.config.paths import Paths
from lab.stack.errors import LabError
from lab.stack.stack import Stack

service_settings = partial(
    service_environment,
    database_url="postgresql://db",
    redis_url="redis://cache",
    token_signing_key="made",
)


def test_an_empty_environment_is_completed() -> None:
    """The service gets a value for every setting that it needs locally."""
    environment = service_settings(environment={})
    assert environment["ENVIRONMENT"] == "local"
    assert environment["LOG_FORMAT"] == "console"
    assert environment["TOKEN_SIGNING_KEY"] == "made"
    assert environment["DATABASE_URL"] == "postgresql://db"
    assert environment["REDIS_URL"] == "redis://cache"
    assert environment["RATE_LIMIT_REDIS_URL"] == "redis://cache"


def test_settings_of_the_caller_replace_the_defaults() -> None:
    """The stack passes all settings to the service, even a setting that it does not know."""
    chosen = {"LOG_FORMAT": "json", "TOKEN_SIGNING_KEY": "mine", "RATE_LIMIT_LOGIN": "1/hour"}
    assert chosen.items() <= service_settings(environment=chosen).items()


def test_an_empty_setting_counts_as_not_set() -> None:
    """With `make start TOKEN_SIGNING_KEY=`, the service gets the key that the stack has made."""
    environment = service_settings(environment={"TOKEN_SIGNING_KEY": ""})
    assert environment["TOKEN_SIGNING_KEY"] == "made"


def test_the_settings_of_a_provider_belong_together() -> None:
    """If the stack runs its own provider, the settings of this provider replace the caller's."""
    own = {"OIDC_ISSUER": "http://own", "OIDC_CLIENT_ID": "own"}
    environment = service_settings(provider=own, environment={"OIDC_CLIENT_ID": "another"})
    assert own.items() <= environment.items()
    theirs = {"OIDC_ISSUER": "https://theirs"}
    assert theirs.items() <= service_settings(environment=theirs).items()


def test_messages_arrive_in_the_stacks_mailbox_and_their_links_lead_to_the_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller's own settings have precedence. With PUBLIC_URL, links lead to that URL."""
    for name in ("SMTP_URL", "MAIL_FROM", "ACCOUNT_PAGES_URL", "PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)
    stack = Stack(Paths(tmp_path), Choices(8081, 8443, "postgresql://mine", "redis://mine", "x"))
    environment = stack.service_environment
    assert environment["SMTP_URL"] == f"smtp://127.0.0.1:{stack.collector.smtp_port}?tls=off"
    assert environment["MAIL_FROM"] == "Roundtrip <roundtrip@localhost>"
    assert environment["ACCOUNT_PAGES_URL"] == "http://localhost:8081/account"
    monkeypatch.setenv("SMTP_URL", "smtp://mine")
    assert stack.service_environment["SMTP_URL"] == "smtp://mine"
    monkeypatch.setenv("PUBLIC_URL", "https://mine")
    assert "ACCOUNT_PAGES_URL" not in stack.service_environment


def test_the_provider_redirects_only_to_this_machine() -> None:
    """The allowed origins have each name of this machine, with each of the two ports."""
    origins = Choices(8080, 8443, None, None).origins
    assert "https://localhost:8443" in origins
    assert "http://127.0.0.1:8080" in origins
    assert len(origins) == 6


def test_ports_and_servers_have_defaults() -> None:
    """The defaults are the ports 8080 and 8443, and the stack's own servers."""
    assert Choices.from_environment({}) == Choices(8080, 8443, None, None)


def test_ports_and_servers_can_be_chosen() -> None:
    """Each of these six variables replaces a default."""
    environment = {
        "HTTP_PORT": "81",
        "HTTPS_PORT": "444",
        "DATABASE_URL": "postgresql://x",
        "MIGRATION_DATABASE_URL": "postgresql://owner",
        "REDIS_URL": "redis://y",
        "RATE_LIMIT_REDIS_URL": "redis://z",
    }
    assert Choices.from_environment(environment) == Choices(
        81, 444, "postgresql://x", "redis://y", rate_limit_redis_url="redis://z",
        migration_database_url="postgresql://owner",
    )  # fmt: skip


def test_only_migrations_get_the_url_of_the_tables_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's processes do not get this URL."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("MIGRATION_DATABASE_URL", "postgresql://owner")
    monkeypatch.setenv("REDIS_URL", "redis://y")
    stack = Stack(Paths(tmp_path), Choices.from_environment())
    assert stack.migration_environment["DATABASE_URL"] == "postgresql://owner"
    assert stack.service_environment["DATABASE_URL"] == "postgresql://x"
    assert "postgresql://owner" not in stack.service_environment.values()


def test_a_stack_has_as_many_processes_as_are_chosen(tmp_path: Path) -> None:
    """A stack with the maximum of processes has the directories of all smaller stacks."""
    choices = Choices.from_environment({"APP_PROCESSES": "3", "WORKER_PROCESSES": "2"})
    stack = Stack(Paths(tmp_path), choices)
    assert [slots.first.name for slots in stack.slots] == ["app-1", "app-2", "app-3"]
    assert [worker.name for worker in stack.workers] == ["worker", "worker-2"]
    largest = Stack(Paths(tmp_path), Choices.largest())
    for few, many in ((stack.all_slots, largest.all_slots), (stack.workers, largest.workers)):
        assert {it.directory for it in few} < {it.directory for it in many}


@pytest.mark.parametrize("number", ["0", "9", "two", "-1"])
def test_a_number_of_processes_is_between_one_and_eight(number: str) -> None:
    """The error shows what to type."""
    for variable, example in (("APP_PROCESSES", 2), ("WORKER_PROCESSES", 1)):
        with pytest.raises(LabError, match=f"from 1 to 8.* {variable}={example} make start"):
            Choices.from_environment({variable: number})


@pytest.mark.parametrize(
    ("chosen", "servers", "expected_url"),
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
def test_rate_limits_are_counted_in_their_own_server_or_in_the_chosen_one(
    chosen: dict[str, str], servers: set[str], expected_url: str | None, tmp_path: Path
) -> None:
    """`REDIS_URL` without `RATE_LIMIT_REDIS_URL` replaces the cache and the limits server."""
    stack = Stack(Paths(tmp_path), Choices.from_environment(chosen))
    for server in (stack.postgres, stack.valkey, stack.limits):
        server.directory.mkdir()
    assert {server.name for server in stack.storage} == servers
    assert stack.rate_limit_redis_url == (expected_url or stack.limits.url)
    assert stack.service_environment["RATE_LIMIT_REDIS_URL"] == stack.rate_limit_redis_url


@pytest.mark.parametrize("text", ["http", "0", "65536", "-1", "8080 ", "٨٠"])
def test_the_error_for_an_invalid_port_names_the_variable(text: str) -> None:
    """Only a number from 1 to 65535 is valid."""
    with pytest.raises(LabError, match=r"HTTP_PORT=.* is not a number from 1 to 65535"):
        Choices.from_environment({"HTTP_PORT": text})


def test_the_error_for_two_equal_ports_names_both_variables() -> None:
    """Two servers cannot listen on the same port."""
    with pytest.raises(LabError, match="HTTP_PORT and HTTPS_PORT are both 8080"):
        Choices.from_environment({"HTTP_PORT": "8080", "HTTPS_PORT": "8080"})
