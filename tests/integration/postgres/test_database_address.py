"""DATABASE_URL: several hosts, unknown parameters, and a database of another encoding."""

import secrets
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from app.errors import Unavailable
from app.repositories.postgres.address import conninfo
from app.settings import SettingsError
from tests.accounts import sign_up
from tests.conftest import StartService, migrate
from tests.integration.wire import log_with, problem


def _with_hosts(url: str, *hosts: str, query: str = "") -> str:
    """Return the URL with other hosts before its own."""
    parts = urlsplit(url)
    credentials, _, own = parts.netloc.rpartition("@")
    netloc = f"{credentials}@{','.join([*hosts, own])}"
    return urlunsplit(parts._replace(netloc=netloc, query=query))


def test_the_service_uses_the_first_host_that_accepts_writes(
    start_service: StartService, database_url: str
) -> None:
    """The first host does not answer, so the service and the migrations use the second host."""
    query = "target_session_attrs=read-write"
    url = _with_hosts(database_url, "127.0.0.1:1", query=query)
    client = start_service(DATABASE_URL=url).client
    account = sign_up(client)  # check F23
    assert client.get(account.url, headers=account.auth).status_code == 200
    migrate(url, "current")


def test_without_a_host_of_the_requested_kind_there_is_no_connection(
    start_service: StartService, database_url: str
) -> None:
    """The URL asks for a standby, and its only host is a primary."""
    url = _with_hosts(database_url, query="target_session_attrs=standby")
    client = start_service(DATABASE_URL=url).client
    problem(client.get("/api/users?limit=1"), 401, "unauthenticated")
    problem(client.get("/api/products"), 503, Unavailable.code)
    assert client.get("/readyz").status_code == 503


@pytest.mark.parametrize("parameter", ["pgbouncer", "schema", "sslmod"])
def test_an_unknown_parameter_is_named(parameter: str) -> None:
    """The message says what to do. Of the URL, it contains only the name of the parameter."""
    with pytest.raises(SettingsError) as raised:
        conninfo(f"postgresql://roundtrip:canary@host/name?{parameter}=canary")
    assert str(raised.value) == (
        f"DATABASE_URL has the parameter {parameter}, which libpq does not support. Remove it."
    )


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:canary@host/name",
        "postgresql://u:Canary100%Canary@host/name",
        "postgresql://u:canary%E4@host/name",
        "postgresql://u:canary canary@host/name",
        "postgresql://u:canary@canary@host/name",
        "postgresql://u:can?canary@host/name",
        "postgresql://u:can?canary=canary@host/name",
        "postgresql://u:canary@[host/name",
        "canary",
    ],
)
def test_an_invalid_url_is_not_repeated(url: str) -> None:
    """The message says how to write a URL, and contains no part of the password."""
    with pytest.raises(SettingsError, match="DATABASE_URL is not a valid PostgreSQL URL") as raised:
        conninfo(url)
    assert "canary" not in str(raised.value).lower()


def test_a_parameter_that_libpq_would_ignore_is_refused() -> None:
    """From this URL, SQLAlchemy would read two hosts, but libpq reads only the last one."""
    with pytest.raises(SettingsError, match="has the parameter host more than once"):
        conninfo("postgresql:///name?host=h1:5432&host=h2:5432")


def test_the_parameter_ssl_of_jdbc_is_accepted() -> None:
    """The parameter `ssl=true` has the same meaning for libpq as `sslmode=require`."""
    assert conninfo("postgresql://host/name?ssl=true") == "postgresql://host/name?ssl=true"


@pytest.mark.parametrize("scheme", ["postgres", "POSTGRESQL", "postgresql+psycopg"])
def test_each_scheme_becomes_the_scheme_of_libpq(scheme: str) -> None:
    """All schemes that other tools write are accepted, in upper and lower case."""
    rest = "a:b%2Fc@h1:5432,h2:5433/name?connect_timeout=3"
    assert conninfo(f"{scheme}://{rest}") == f"postgresql://{rest}"


def test_a_database_of_another_encoding_is_refused(
    start_service: StartService, postgres_url: str
) -> None:
    """The log says how to create the database. No text is stored in the wrong encoding."""
    name = f"roundtrip_ascii_{secrets.token_hex(4)}"
    create = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"
    with psycopg.connect(postgres_url, autocommit=True) as server:
        server.execute(sql.SQL(create).format(sql.Identifier(name)))
        service = start_service(
            DATABASE_URL=urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))
        )
        assert service.client.get("/readyz").status_code == 503
        log_with(service, "has the encoding SQL_ASCII. Create it again with ENCODING 'UTF8'")
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
