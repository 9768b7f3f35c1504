"""The PostgreSQL server of one file of tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.stack.servers.postgres import PostgresServer
from tests.conftest import migrate


@pytest.fixture(scope="module")
def postgres(scratch: Path, request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A server that the tests may break. The role `migrator` has created its tables."""
    with PostgresServer(scratch / request.path.stem, settings={"fsync": "off"}) as server:
        migrate(server.migrator_url)
        yield server
