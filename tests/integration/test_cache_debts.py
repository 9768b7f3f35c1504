"""What Redis could not be told it is told once it is back, whether or not anybody asks."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import redis

from lab.stack.valkey import ValkeyServer
from tests.accounts import Account, new_admin
from tests.conftest import StartService
from tests.integration.shop import edit, new_product, product_url

pytestmark = pytest.mark.slow

Pair = tuple[httpx2.Client, httpx2.Client]
PATIENCE = 5


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A server that may be mistreated."""
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="module")
def pair(valkey: ValkeyServer, start_service: StartService) -> Pair:
    """A process that writes, under a name of its own there, and one that reads."""
    _may_writer_in(valkey, may=True)
    settings = {"REDIS_KEY_PREFIX": "debts", "REDIS_BREAKER_RECOVERY": "1"}
    writer = f"redis://writer:writes@127.0.0.1:{urlsplit(valkey.url).port}/0"
    first = start_service(**settings, REDIS_URL=writer)
    return first.client, start_service(**settings, REDIS_URL=valkey.url).client


@pytest.fixture(scope="module")
def admin(pair: Pair, database_url: str) -> Account:
    """An administrator."""
    return new_admin(pair[0], database_url)


@pytest.fixture
def product(pair: Pair, admin: Account) -> dict[str, Any]:
    """A product that both processes have at hand."""
    product = new_product(pair[0], admin)
    deadline = time.monotonic() + 2 * PATIENCE
    while {client.get(product_url(product)).headers["X-Cache"] for client in pair} != {"hit"}:
        assert time.monotonic() < deadline
    return product


def _may_writer_in(valkey: ValkeyServer, *, may: bool) -> None:
    with redis.Redis.from_url(valkey.url) as behind:
        behind.execute_command(
            "ACL", "SETUSER", "writer", "on" if may else "off", ">writes", "~*", "+@all"
        )
        if not may:
            behind.execute_command("CLIENT", "KILL", "USER", "writer")


@contextmanager
def _frozen(valkey: ValkeyServer) -> Iterator[None]:
    assert valkey.identity is not None
    os.kill(valkey.identity.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(valkey.identity.pid, signal.SIGCONT)


@contextmanager
def _killed(valkey: ValkeyServer) -> Iterator[None]:
    assert valkey.identity is not None
    os.kill(valkey.identity.pid, signal.SIGKILL)
    try:
        yield
    finally:
        valkey.start()
        _may_writer_in(valkey, may=True)


@contextmanager
def _out_of_reach(valkey: ValkeyServer) -> Iterator[None]:
    _may_writer_in(valkey, may=False)
    try:
        yield
    finally:
        _may_writer_in(valkey, may=True)


def _name(response: httpx2.Response) -> Any:
    return response.json()["name"]


def _change_untold(writer: httpx2.Client, admin: Account, product: dict[str, Any]) -> None:
    # Until the breaker is open: what a frozen Redis was sent it would obey when it thaws.
    for _ in range(4):
        writer.get("/api/products?limit=1")
        time.sleep(0.16)
    assert edit(writer, admin, product, name="New").status_code == 200
    assert _name(writer.get(product_url(product))) == "New"


@pytest.mark.parametrize("trouble", [_frozen, _killed, _out_of_reach])
def test_another_process_sees_a_change_soon_after_redis_is_back(
    pair: Pair, valkey: ValkeyServer, admin: Account, product: dict[str, Any], trouble: Any
) -> None:
    """Though the process that has made it is asked for nothing any more."""
    path = product_url(product)
    with trouble(valkey):
        _change_untold(pair[0], admin, product)
        # A process that reaches Redis meanwhile goes on believing it.
        assert (_name(pair[1].get(path)) == "New") == (trouble is not _out_of_reach)
    deadline = time.monotonic() + PATIENCE
    while not ((seen := pair[1].get(path)).headers["X-Cache"] == "hit" and _name(seen) == "New"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
