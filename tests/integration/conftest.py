"""Fixtures that many tests share: accounts that no test changes, and a traced service."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from lab.stack.servers.collector import CollectorServer
from lab.stack.servers.valkey import ValkeyServer
from tests.accounts import Account, new_admin, sign_up
from tests.conftest import NewDatabase
from tests.integration.browsers import Browser
from tests.integration.hostile_provider import HostileProvider, hostile_provider
from tests.integration.proxy import PostgresProxy, proxy_to
from tests.integration.shop import new_product
from tests.mailbox import Mailbox, running_mailbox, running_worker
from tests.receiver import Receiver, SendTraced, Span, running_receiver
from tests.service import Service, running_service


@pytest.fixture(scope="session")
def shared_user(client: httpx2.Client) -> Account:
    """An account that no test changes. Tests use it for reads and for requests that are refused."""
    return sign_up(client, name="Shared User")


@pytest.fixture(scope="session")
def other_user(client: httpx2.Client) -> Account:
    """A second account that no test changes."""
    return sign_up(client, name="Other User")


@pytest.fixture(scope="session")
def customer(client: httpx2.Client) -> Account:
    """An account that places orders in many tests. Each test looks only at its own orders."""
    return sign_up(client, name="Customer")


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Receives the spans of the traced service."""
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def traced(
    defaults: Mapping[str, str], receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service that exports every trace."""
    log = tmp_path_factory.mktemp("traced") / "log"
    settings = {**defaults, **receiver.settings, "RATE_LIMIT_PASSWORD": "1/minute"}
    with running_service(log, settings) as service:
        yield service


@pytest.fixture(scope="session")
def buyer(traced: Service) -> Account:
    """A user of the traced service. The signup has opened the service's database connection."""
    return sign_up(traced.client)


@pytest.fixture(scope="session")
def product(traced: Service, database_url: str) -> dict[str, Any]:
    """A product of the traced service."""
    return new_product(traced.client, new_admin(traced.client, database_url))


@pytest.fixture(scope="session")
def send_traced(traced: Service, receiver: Receiver) -> SendTraced:
    """Sends each request with a new trace id. Returns the response and the spans of the trace."""

    def send(method: str, path: str, **options: Any) -> tuple[httpx2.Response, list[Span]]:
        trace_id = secrets.token_hex(16)
        parent = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
        headers = {**options.pop("headers", {}), **parent}
        response = traced.client.request(method, path, headers=headers, **options)
        return response, receiver.trace(trace_id)

    return send


@pytest.fixture(scope="module")
def collector(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    """An HTTP client of a collector. The collector gets query plans from the tests' database."""
    directory: Path = tmp_path_factory.mktemp("collector")
    server = CollectorServer(
        directory,
        environment=lambda: {"DATABASE_URL": database_url, "ALLOWED_HOSTS": "127.0.0.1,[::1]"},
        log=directory / "collector.log",
    )
    headers = {"Authorization": f"Bearer {server.service_key}"}
    with server, httpx2.Client(base_url=server.url, headers=headers) as client:
        yield client
    # No request may make the collector fail.
    assert "Traceback" not in (directory / "collector.log").read_text()


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A Valkey server of one module. Tests of the module can freeze, fill, flush and kill it."""
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="module")
def proxied(own_url: str) -> Iterator[tuple[PostgresProxy, str]]:
    """A proxy to the database `own_url` of a module, and the database URL through this proxy."""
    with proxy_to(own_url) as proxied:
        yield proxied


@pytest.fixture
def own_database(own_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the database `own_url` of a module or a test, to check and change rows."""
    with psycopg.connect(own_url, autocommit=True) as connection:
        yield connection


@dataclass(frozen=True)
class WithMail:
    """A service with a worker, and the mailbox that gets the worker's messages."""

    service: Service
    mailbox: Mailbox
    database_url: str
    worker_log: Path

    @property
    def client(self) -> httpx2.Client:
        """An HTTP client of the service."""
        return self.service.client


@pytest.fixture(scope="session")
def with_mail(
    defaults: Mapping[str, str], new_tables: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WithMail]:
    """A service that the tests of messages share. It has its own database, and a worker."""
    logs = tmp_path_factory.mktemp("with-mail")
    database_url = new_tables()
    with running_mailbox() as mailbox:
        settings = {**defaults, **mailbox.settings, "DATABASE_URL": database_url}
        worker = running_worker(logs / "worker", settings)
        with worker, running_service(logs / "service", settings) as service:
            yield WithMail(service, mailbox, database_url, logs / "worker")


@pytest.fixture(scope="module")
def provider() -> Iterator[HostileProvider]:
    """An identity provider for the tests of one file."""
    with hostile_provider() as provider:
        yield provider


@pytest.fixture
def browser(service: Service) -> Browser:
    """A browser without cookies, which can sign in with an identity provider."""
    return Browser(service.client)
