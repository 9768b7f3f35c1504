"""docs/migrations.md, executed, while somebody else goes on sending requests."""

import shutil
import sys
from pathlib import Path

import pytest

from lab.stack.postgres import PostgresServer
from tests.e2e.local_stack import CHECKOUT, LocalStack
from tests.e2e.pages import Terminal, blocks_of
from tests.e2e.shoppers import Shop
from tests.e2e.traffic import traffic

pytestmark = pytest.mark.slow


def test_a_migration_by_the_book_fails_no_request(
    unlimited_stack: LocalStack, tmp_path: Path
) -> None:
    """Every command does what the page shows; its revisions are written beside the real ones."""
    shutil.copytree(CHECKOUT / "migrations", tmp_path / "migrations")
    shutil.copy(CHECKOUT / "alembic.ini", tmp_path)
    programs = Path(sys.executable).parent
    here = {
        ".venv/bin/alembic": f"{programs}/alembic -c {tmp_path}/alembic.ini",
        ".venv/bin/squawk": f"{programs}/squawk",
        "migrations/versions/": f"{tmp_path}/migrations/versions/",
    }
    shop = Shop.open(
        unlimited_stack.http_port, PostgresServer(unlimited_stack.directory / "postgres").url
    )
    with traffic(shop.visits(), rate=20) as record:
        compared = Terminal(unlimited_stack, tmp_path, here).follow(blocks_of("docs/migrations.md"))
    assert compared == 5
    assert len(record.exchanges) > 100
    assert not record.failures  # check F16
