"""The Job of the migrations."""

from tests.pods.pod_stack import PodStack
from tests.service import CHECKOUT
from tests.table_lock import await_waiting_statement, locked_table

ENDED_BY_SIGTERM = 128 + 15


def test_the_job_has_migrated_the_database(stack: PodStack) -> None:
    """The newest revision is applied, by the role `migrator`."""
    newest = max((CHECKOUT / "migrations" / "versions").glob("[0-9]*.py")).name
    assert newest.split("_")[0] == stack.run_sql("SELECT version_num FROM alembic_version")
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    assert stack.run_sql(owners) == "migrator"


def test_the_job_has_no_unnecessary_permissions(stack: PodStack) -> None:
    """The Job's container has no capabilities, and cannot change its root file system."""
    found = stack.inspect("migrate")
    assert found["HostConfig"]["ReadonlyRootfs"]
    assert not found["BoundingCaps"]


def test_sigterm_ends_the_job(stack: PodStack) -> None:
    """Alembic is not process 1 of its pod (`shareProcessNamespace`), so SIGTERM ends it at once.

    The next run of the same Job succeeds.
    """
    # Alembic reads this table first.
    with locked_table("alembic_version", stack.run_sql):
        stack.start_pod("migrate")
        await_waiting_statement("alembic_version", stack.run_sql)
        stack.stop_container("migrate")
    assert stack.inspect("migrate")["State"]["ExitCode"] == ENDED_BY_SIGTERM
    stack.start_pod("migrate")
    assert stack.await_end("migrate") == 0, stack.logs("migrate")
