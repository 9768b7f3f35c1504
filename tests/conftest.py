"""Start real servers for all tests: PostgreSQL, Valkey, and the service.

If DATABASE_URL or REDIS_URL is set, the tests use the server at that URL instead of their own. In
that PostgreSQL, the tests create their own databases. In that Redis, they use their own key prefix.
"""

import os
import resource
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import httpx2
import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql
from xdist.remote import Producer

from lab.stack.config.secrets import signing_key
from lab.stack.servers.postgres import PostgresServer
from lab.stack.servers.valkey import ValkeyServer
from tests import preloaded
from tests.accounts import Account, new_admin, sign_up
from tests.distribution import StackTestsInOneProcess, slowest_first
from tests.machine import RunAgainLater
from tests.pooler import pooler_for_all_services
from tests.service import CHECKOUT, Service, environment, running_service

MAX_OPEN_FILES = 4096

# On a busy machine, Hypothesis needs longer for an example. This must not fail a test.
settings.register_profile("times", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("times")

StartService = Callable[..., Service]
NewDatabase = Callable[..., str]


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugin that repeats tests on a slow machine, and raise the open-file limit."""
    config.pluginmanager.register(RunAgainLater())
    # Some tests open a thousand connections at once, which is above the usual default limit.
    _, hard_limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard_limit == resource.RLIM_INFINITY
    files = MAX_OPEN_FILES if unlimited else min(MAX_OPEN_FILES, hard_limit)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard_limit))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> StackTestsInOneProcess:
    """Give all tests that share a stack to one test process."""
    return StackTestsInOneProcess(config, log)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests in two directories, which only `make docker-test` and `make pod-test` run."""
    if mark := {"docker": "docker", "pods": "pod"}.get(item.path.parent.name):
        item.add_marker(mark)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest tests first."""
    items.sort(key=slowest_first)


@pytest.fixture(scope="session")
def scratch() -> Iterator[Path]:
    """A directory for the servers of this test process."""
    # pytest's own temporary directory is private. When root runs the tests, PostgreSQL runs as
    # another user, who could not open pytest's directory.
    with tempfile.TemporaryDirectory(prefix="roundtrip-tests-") as directory:
        path = Path(directory)
        path.chmod(0o755)
        yield path


@pytest.fixture(scope="session")
def postgres_url(scratch: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server, for a role that can create databases."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    with ExitStack() as stack:
        postgres = PostgresServer(scratch / "postgres", settings={"fsync": "off"})
        url = stack.enter_context(postgres).admin_url
        if os.environ.get("DATABASE_POOLER") == "transaction":
            stack.enter_context(pooler_for_all_services(scratch / "pooler", url))
        yield url


@pytest.fixture(scope="session")
def redis_url(scratch: Path) -> Iterator[str]:
    """The URL of a Redis-compatible server."""
    if url := os.environ.get("REDIS_URL"):
        yield url
        return
    with ValkeyServer(scratch / "valkey") as server:
        yield server.url


@pytest.fixture(scope="session")
def new_database(postgres_url: str) -> Iterator[NewDatabase]:
    """Creates an empty database, or a copy of a database. At the end, all of them are dropped."""
    names: list[str] = []

    def create(template: str = "template1") -> str:
        names.append(f"roundtrip_test_{secrets.token_hex(6)}")
        source = urlsplit(template).path.removeprefix("/")
        _administer(postgres_url, "CREATE DATABASE {} TEMPLATE {}", names[-1], source)
        return urlunsplit(urlsplit(postgres_url)._replace(path=f"/{names[-1]}"))

    yield create
    for name in names:
        _administer(postgres_url, "DROP DATABASE {} WITH (FORCE)", name)


def _administer(url: str, statement: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def migrate(database_url: str, *arguments: str, release: Path = CHECKOUT) -> None:
    """Run Alembic as a deployment does. Without `arguments`, migrate to the newest version."""
    command = ["alembic", *(arguments or ("upgrade", "head"))]
    variables = environment({"DATABASE_URL": database_url, "PYTHONWARNINGS": "default"})
    if release == CHECKOUT:
        preloaded.run(command, environment=variables).check_returncode()
    else:
        subprocess.run(
            [sys.executable, "-m", *command],
            cwd=release,
            env=variables,
            check=True,
            capture_output=True,
        )


@pytest.fixture(scope="session")
def new_tables(new_database: NewDatabase) -> NewDatabase:
    """Creates a database with all tables: a copy of a migrated one, which is faster to make."""
    migrated = new_database()
    migrate(migrated)
    return lambda: new_database(migrated)


@pytest.fixture(scope="session")
def database_url(new_tables: NewDatabase) -> str:
    """The URL of the database of the shared service, with all tables."""
    return new_tables()


@pytest.fixture(scope="session")
def database(database_url: str) -> Iterator[psycopg.Connection]:
    """A connection to the shared service's database. Tests use it to check what is stored."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def token_signing_key() -> str:
    """The key with which the services of the tests sign their tokens."""
    return signing_key()


@pytest.fixture(scope="session")
def defaults(database_url: str, redis_url: str, token_signing_key: str) -> Mapping[str, str]:
    """The settings that the services of the tests share."""
    return {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TOKEN_SIGNING_KEY": token_signing_key,
    }


@pytest.fixture(scope="module")
def start_service(
    defaults: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartService]:
    """Starts a service with additional settings. The service stops at the end of the module."""
    with ExitStack() as running:

        def start(**settings: str) -> Service:
            log = tmp_path_factory.mktemp("service") / "log"
            return running.enter_context(running_service(log, {**defaults, **settings}))

        yield start


@pytest.fixture(scope="session")
def service(
    defaults: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The service that most tests share. Its rate limits are too high for a test to reach."""
    with running_service(tmp_path_factory.mktemp("service") / "log", defaults) as service:
        yield service


@pytest.fixture(scope="session")
def client(service: Service) -> httpx2.Client:
    """An HTTP client of the shared service."""
    return service.client


@pytest.fixture
def ahmed(client: httpx2.Client) -> Account:
    """A user who has signed up and logged in."""
    return sign_up(client)


@pytest.fixture
def bettina(client: httpx2.Client) -> Account:
    """A second user who has signed up and logged in."""
    return sign_up(client, name="Bettina")


@pytest.fixture(scope="session")
def admin(client: httpx2.Client, database_url: str) -> Account:
    """An administrator."""
    return new_admin(client, database_url)
