"""The previous release works during a migration under load, and then together with this release."""

import dataclasses
import io
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path

import psycopg
import pytest

from lab.bench.load.traffic import Record, traffic
from tests.accounts import log_in, sign_up
from tests.conftest import NewDatabase, migrate
from tests.e2e.shoppers import OPENING_STOCK, Shop
from tests.integration.shop import new_key, order
from tests.integration.signed_in import refresh, signed_in, tokens_in
from tests.integration.wire import at_once
from tests.service import CHECKOUT, Service, running_service

pytestmark = pytest.mark.slow

REQUESTS_PER_SECOND = 30
_VERSIONS = CHECKOUT / "migrations" / "versions"


@dataclasses.dataclass
class Releases:
    """Two processes with one database and one Redis: the previous release, and this one."""

    old: Service
    new: Service
    shop: Shop
    database_url: str
    record: Record


def _previous_release(directory: Path) -> Path:
    """Extract the previous release to a directory, and return the directory.

    Skip the test if git does not have the commit of that release, as in a shallow clone.
    """
    newest = max(_VERSIONS.glob("*.py"))
    try:
        # If the newest migration is not committed yet, HEAD is the previous release.
        added = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", str(newest)).decode()
        archive = _git("archive", f"{added.strip()}^" if added else "HEAD")
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip(
            f"git does not have the commit before {newest.name}. If this is a shallow clone, get "
            f"the commit with `git fetch --unshallow`, or in CI with `fetch-depth: 0`."
        )
    with tarfile.open(fileobj=io.BytesIO(archive)) as tree:
        tree.extractall(directory, filter="data")
    assert not (directory / newest.relative_to(CHECKOUT)).exists()
    return directory


def _git(*arguments: str) -> bytes:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def releases(
    new_database: NewDatabase, defaults: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Releases]:
    """The migration runs while the previous release is under load. Then this release starts too."""
    checkout = _previous_release(tmp_path_factory.mktemp("before"))
    url, logs = new_database(), tmp_path_factory.mktemp("logs")
    migrate(url, release=checkout)
    # The previous release runs with the libraries of this release, which may warn of deprecated
    # uses. So warnings are not errors.
    settings = {**defaults, "DATABASE_URL": url, "REDIS_KEY_PREFIX": f"two-{new_key()}"}
    relaxed = {**settings, "PYTHONWARNINGS": "default"}
    with ExitStack() as running:
        old = running.enter_context(running_service(logs / "old", relaxed, release=checkout))
        shop = Shop.open(old.address()[1], url)
        with traffic(shop.visits(), rate=REQUESTS_PER_SECOND) as during:
            time.sleep(1)
            migrate(url)
            time.sleep(1)
        new = running.enter_context(running_service(logs / "new", settings))
        beside = dataclasses.replace(shop, port=new.address()[1])
        calls = chain.from_iterable(zip(shop.visits(), beside.visits(), strict=True))
        with traffic(calls, rate=REQUESTS_PER_SECOND) as both:
            time.sleep(4)
        yield Releases(old, new, shop, url, Record(during.exchanges + both.exchanges))


def test_no_request_fails_before_during_and_after_the_migration(releases: Releases) -> None:
    """Reads, orders and signups go to the previous release first, and then to both releases."""
    print(releases.record.figures())
    assert not releases.record.failures  # check F16
    ports = {exchange.call.port for exchange in releases.record.exchanges}
    assert len(ports) == 2
    with psycopg.connect(releases.database_url) as database:
        rows = database.execute(
            "SELECT stock + (SELECT sum(quantity) FROM order_lines WHERE product_id = id) "
            "FROM products WHERE id = %s",
            [releases.shop.product["id"]],
        ).fetchall()
    assert rows == [(OPENING_STOCK,)]  # check F16


def test_one_key_in_both_releases_places_one_order(releases: Releases) -> None:
    """A client whose connection the old release has closed may retry at the new release."""
    shop = releases.shop
    for _ in range(10):
        key = new_key()
        pair = [releases.old.client, releases.new.client]
        calls = [partial(order, it, shop.buyer, (shop.product, 1), key=key) for it in pair * 2]
        at_once(calls)
        responses = [call() for call in calls]
        assert [response.status_code for response in responses] == [201] * 4
        assert len({response.json()["id"] for response in responses}) == 1  # check F16


@pytest.mark.parametrize("first", ["old", "new"])
def test_a_session_of_one_release_is_valid_in_the_other(releases: Releases, first: str) -> None:
    """The other release accepts the session's tokens, and can end the session for both releases."""
    here, there = releases.old.client, releases.new.client
    if first == "new":
        here, there = there, here
    account = sign_up(here)
    tokens = signed_in(here, account)
    assert there.get(account.url, headers=account.auth).status_code == 200  # check F16
    auth = tokens_in(refresh(there, tokens.refresh)).auth
    assert here.get(account.url, headers=auth).status_code == 200  # check F16
    assert there.post("/api/auth/logout", headers=auth).status_code == 204
    time.sleep(1.1)
    assert here.get(account.url, headers=auth).status_code == 401  # check F16
    log_in(there, account.email, account.password)
