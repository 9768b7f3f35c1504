"""What many tests share: people whom no test changes, and a service whose traces are seen."""

import secrets
from collections.abc import Iterator, Mapping
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, new_admin, sign_up
from tests.integration.shop import new_product
from tests.receiver import Ask, Receiver, Span, receiving
from tests.service import Service, running_service


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


@pytest.fixture(scope="session")
def receiver() -> Iterator[Receiver]:
    """Takes the spans of the service that is traced."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def traced(
    defaults: Mapping[str, str], receiver: Receiver, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service that exports every trace."""
    log = tmp_path_factory.mktemp("traced") / "log"
    settings = {**defaults, **receiver.settings, "RATE_LIMIT_PASSWORD": "1/minute"}
    with running_service(log, settings) as service:
        yield service


@pytest.fixture(scope="session")
def buyer(traced: Service) -> Account:
    """Somebody there who has signed up and logged in; a connection has been made for that."""
    return sign_up(traced.client)


@pytest.fixture(scope="session")
def product(traced: Service, database_url: str) -> dict[str, Any]:
    """Something to buy."""
    return new_product(traced.client, new_admin(traced.client, database_url))


@pytest.fixture(scope="session")
def ask(traced: Service, receiver: Receiver) -> Ask:
    """Sends a request within a trace of its own; gives the response and the trace."""

    def send(method: str, path: str, **options: Any) -> tuple[httpx2.Response, list[Span]]:
        trace_id = secrets.token_hex(16)
        parent = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
        headers = {**options.pop("headers", {}), **parent}
        response = traced.client.request(method, path, headers=headers, **options)
        return response, receiver.trace(trace_id)

    return send
