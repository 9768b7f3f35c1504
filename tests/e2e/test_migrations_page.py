"""docs/migrations.md, executed, while somebody else goes on sending requests."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.stack.postgres import PostgresServer
from tests.e2e.local_stack import CHECKOUT, NO_LIMITS, NO_PROVIDER, LocalStack
from tests.e2e.pages import Terminal, blocks_of
from tests.e2e.shoppers import Shop
from tests.e2e.traffic import traffic

pytestmark = pytest.mark.slow


@pytest.fixture
def stack() -> Iterator[LocalStack]:
    """A stack that nobody has used before."""
    stack = LocalStack(**NO_PROVIDER, **NO_LIMITS)
    stack.start()
    yield stack
    stack.discard()


def test_a_migration_by_the_book_fails_no_request(stack: LocalStack, tmp_path: Path) -> None:
    """Every command does what the page shows; its revisions are written beside the real ones."""
    shutil.copytree(CHECKOUT / "migrations", tmp_path / "migrations")
    shutil.copy(CHECKOUT / "alembic.ini", tmp_path)
    programs = Path(sys.executable).parent
    here = {
        ".venv/bin/alembic": f"{programs}/alembic -c {tmp_path}/alembic.ini",
        ".venv/bin/squawk": f"{programs}/squawk",
        "migrations/versions/": f"{tmp_path}/migrations/versions/",
    }
    shop = Shop.open(stack.http_port, PostgresServer(stack.directory / "postgres").url)
    with traffic(shop.visits(), rate=20) as record:
        compared = Terminal(stack, tmp_path, here).follow(blocks_of("docs/migrations.md"))
    assert compared == 5
    assert len(record.exchanges) > 100
    assert not record.failures  # check F16
