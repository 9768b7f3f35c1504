"""What the first request of a process does not wait for."""

import subprocess
import sys

from tests.service import CHECKOUT, environment

PROGRAM = """
from app.main import create_app
from app.models.orm import Model

create_app()
print(all(mapper.configured for mapper in Model.registry.mappers))
"""


def test_no_request_waits_until_the_mappers_have_found_one_another() -> None:
    """SQLAlchemy has it done by whoever needs a row first, if nobody has done it before."""
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:9/none", "REDIS_URL": "redis://127.0.0.1:9"}
    # A process of its own: here, another test may have needed a row.
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=CHECKOUT, env=environment(nowhere), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.stdout == "True\n", result.stderr
