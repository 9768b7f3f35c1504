"""Executes docs/migrations.md while clients send requests."""

import shutil
import sys
from pathlib import Path

import pytest

from lab.bench.load.traffic import traffic
from tests.e2e.local_stack import LocalStack
from tests.e2e.pages import Terminal, blocks_of
from tests.e2e.shoppers import Shop
from tests.service import CHECKOUT

pytestmark = pytest.mark.slow


def test_no_request_fails_during_migrations(unlimited_stack: LocalStack, tmp_path: Path) -> None:
    """The commands print what the page shows. They write new revisions to a copy of migrations/."""
    shutil.copytree(CHECKOUT / "migrations", tmp_path / "migrations")
    shutil.copy(CHECKOUT / "alembic.ini", tmp_path)
    programs = Path(sys.executable).parent
    replacements = {
        ".venv/bin/alembic": f"{programs}/alembic -c {tmp_path}/alembic.ini",
        ".venv/bin/squawk": f"{programs}/squawk",
        "migrations/versions/": f"{tmp_path}/migrations/versions/",
    }
    shop = Shop.open(unlimited_stack.http_port, unlimited_stack.parts.libpq_url)
    with traffic(shop.visits(), rate=20) as record:
        compared = Terminal(unlimited_stack, tmp_path, replacements).run_and_compare(
            blocks_of("docs/migrations.md")
        )
    assert compared == 5
    assert len(record.exchanges) > 100
    assert not record.failures  # check F16
