"""People whom no test changes, so that many tests can share them."""

import httpx2
import pytest

from tests.accounts import Account, sign_up


@pytest.fixture(scope="session")
def somebody(client: httpx2.Client) -> Account:
    """An account that stays as it is: for tests that only read, or are refused."""
    return sign_up(client, name="Somebody")


@pytest.fixture(scope="session")
def stranger(client: httpx2.Client) -> Account:
    """Another such account."""
    return sign_up(client, name="Stranger")


@pytest.fixture(scope="session")
def customer(client: httpx2.Client) -> Account:
    """An account that gets ever more orders: for tests that look at none but their own."""
    return sign_up(client, name="Customer")
