"""The workers delete expired rows."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from lab.stack.processes.waiting import wait_until
from tests.accounts import new_admin, sign_up
from tests.conftest import NewDatabase, StartService, migrate
from tests.integration.shop import new_product, order
from tests.integration.wire import text_with
from tests.mailbox import running_worker
from tests.preloaded import Preloaded
from tests.service import TIMEOUT_SECONDS

_EXPIRE = "UPDATE idempotency_keys SET expires_at = now() - interval '1 s'"


@dataclass(frozen=True)
class _Worker:
    """A worker that deletes expired rows each second."""

    process: Preloaded
    log: Path

    def wait_for(self, *texts: str) -> None:
        """Wait until the log contains these texts."""
        text_with(self.log, *texts, timeout_seconds=TIMEOUT_SECONDS)


_StartWorker = Callable[[str], _Worker]


@pytest.fixture
def start_worker(defaults: Mapping[str, str], tmp_path: Path) -> Iterator[_StartWorker]:
    """Starts a worker that uses this database. The worker ends at the end of the test."""
    with ExitStack() as running:

        def start(database_url: str) -> _Worker:
            log = tmp_path / f"worker-{len(list(tmp_path.iterdir()))}"
            settings = {"DATABASE_URL": database_url, "SWEEP_SCHEDULE": "* * * * * *"}
            process = running.enter_context(running_worker(log, {**defaults, **settings}))
            return _Worker(process, log)

        yield start


@pytest.fixture
def own_url(new_tables: NewDatabase) -> str:
    """A database of one test, in which no other worker deletes rows."""
    return new_tables()


def _remaining_keys(database: psycopg.Connection) -> list[str]:
    return [key for (key,) in database.execute("SELECT key FROM idempotency_keys ORDER BY key")]


def _wait_for_keys(database: psycopg.Connection, keys: list[str]) -> None:
    found = wait_until(lambda: _remaining_keys(database) == keys, timeout_s=TIMEOUT_SECONDS)
    assert found, _remaining_keys(database)


def test_expired_rows_are_deleted_while_a_worker_runs(
    own_url: str,
    own_database: psycopg.Connection,
    start_service: StartService,
    start_worker: _StartWorker,
) -> None:
    """Rows that have not expired stay. The log has the number of deleted rows."""
    client = start_service(DATABASE_URL=own_url).client
    admin, buyer = new_admin(client, own_url), sign_up(client)
    product = new_product(client, admin)
    for key in ("first", "second", "third"):
        assert order(client, buyer, (product, 1), key=key).status_code == 201
    worker = start_worker(own_url)
    worker.wait_for("swept")
    assert _remaining_keys(own_database) == ["first", "second", "third"]
    own_database.execute(f"{_EXPIRE} WHERE key <> 'second'")
    _wait_for_keys(own_database, ["second"])
    worker.wait_for("swept", '"idempotency_keys":2')
    # Live sessions stay. Sessions unused for a week are deleted with their spent refresh tokens.
    own_database.execute(
        "WITH unused AS (INSERT INTO sessions (user_id, cookie_hash, last_used_at, expires_at) "
        "SELECT %s, sha256(n::text::bytea), now() - interval '7 d', now() + interval '1 h' "
        "FROM generate_series(1, 2) n RETURNING id, cookie_hash) "
        "INSERT INTO spent_refresh_tokens SELECT cookie_hash, id FROM unused",
        [buyer.id],
    )
    worker.wait_for('"sessions":2')  # check 23
    assert own_database.execute("SELECT 1 FROM spent_refresh_tokens").fetchone() is None
    # The orders stay.
    orders = client.get(f"{buyer.url}/orders", headers=buyer.auth).json()["items"]
    assert len(orders) == 3


def test_messages_are_deleted_a_day_after_they_were_sent(
    own_url: str,
    own_database: psycopg.Connection,
    start_service: StartService,
    start_worker: _StartWorker,
) -> None:
    """A message that was sent less than a day ago, or not at all, is kept."""
    client = start_service(DATABASE_URL=own_url).client
    ids = [sign_up(client).id for _ in range(3)]
    for user_id, age in ((ids[0], "24 hours"), (ids[1], "23 hours 59 minutes")):
        own_database.execute(
            "UPDATE messages SET sent_at = now() - %s::interval WHERE user_id = %s", [age, user_id]
        )
    start_worker(own_url).wait_for('"messages":1')
    left = own_database.execute("SELECT user_id FROM messages ORDER BY user_id")
    assert left.fetchall() == [(ids[1],), (ids[2],)]


@pytest.mark.slow
def test_two_workers_delete_many_expired_keys_together(
    own_url: str,
    own_database: psycopg.Connection,
    start_service: StartService,
    start_worker: _StartWorker,
) -> None:
    """The workers delete several batches, and skip a locked row until its lock is released."""
    workers = [start_worker(own_url) for _ in range(2)]
    buyer = sign_up(start_service(DATABASE_URL=own_url).client)
    own_database.execute(
        "INSERT INTO idempotency_keys SELECT %s, 'x', n, '', '', '', now() + interval '1 h' "
        "FROM generate_series(1, 2500) n",
        [buyer.id],
    )
    with psycopg.connect(own_url) as other:
        # With this lock, other transactions can change the row but not delete it.
        other.execute("SELECT 1 FROM idempotency_keys WHERE key = '7' FOR KEY SHARE")
        own_database.execute(_EXPIRE)
        _wait_for_keys(own_database, ["7"])
    _wait_for_keys(own_database, [])
    for worker in workers:
        assert "Traceback" not in worker.log.read_text()


@pytest.mark.slow
def test_a_failed_sweep_is_repeated(new_database: NewDatabase, start_worker: _StartWorker) -> None:
    """A worker that starts before the migration tries again until it can delete expired rows."""
    url = new_database()
    migrate(url, "upgrade", "0001")
    worker = start_worker(url)
    worker.wait_for("worker_interrupted")
    migrate(url)  # check F16
    worker.wait_for("swept")
    assert worker.process.poll() is None
