"""The Job of the migrations."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.stack.processes.waiting import wait_until
from tests.pods.pod_stack import PodStack
from tests.service import CHECKOUT

LOCK_SECONDS = 10
# Alembic waits for this lock, because it reads the table first.
LOCK = f"BEGIN; LOCK TABLE alembic_version; SELECT pg_sleep({LOCK_SECONDS}); COMMIT"
ON_VERSIONS = "SELECT count(*) FROM pg_locks WHERE relation = 'alembic_version'::regclass AND "
ENDED_BY_SIGTERM = 128 + 15


@pytest.fixture
def migrated_stack(stack: PodStack) -> Iterator[PodStack]:
    """The shared pods. After the test, the Job runs again and succeeds."""
    yield stack
    stack.start_again("migrate")
    assert stack.await_end("migrate") == 0, stack.logs("migrate")


def test_the_job_has_migrated_the_database(stack: PodStack) -> None:
    """The Job has ended with status 0. The newest revision is applied, by the role `migrator`."""
    state = stack.inspect("migrate")["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 0), stack.logs("migrate")
    newest = max((CHECKOUT / "migrations" / "versions").glob("[0-9]*.py")).name
    assert newest.startswith(stack.run_sql("SELECT version_num FROM alembic_version"))
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert stack.run_sql(owners) == "migrator"


def test_sigterm_ends_the_job(migrated_stack: PodStack) -> None:
    """Alembic is not process 1 of its pod (`shareProcessNamespace`), so SIGTERM ends it at once.

    The next run of the same Job succeeds.
    """
    stack = migrated_stack
    with ThreadPoolExecutor() as pool:
        lock = pool.submit(stack.run_sql, LOCK)
        assert wait_until(lambda: stack.run_sql(f"{ON_VERSIONS} granted") == "1", timeout_s=10)
        stack.start_again("migrate")
        assert wait_until(lambda: stack.run_sql(f"{ON_VERSIONS} NOT granted") == "1", timeout_s=10)
        assert not lock.done()
        stack.stop("migrate")
        lock.result()
    assert stack.inspect("migrate")["State"]["ExitCode"] == ENDED_BY_SIGTERM
