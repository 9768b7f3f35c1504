"""No trace contains a secret."""

import secrets

import pytest

from tests.accounts import sign_up, signup_body
from tests.conftest import NewDatabase, StartService
from tests.integration.canaries import canaries, drive
from tests.receiver import Receiver
from tests.service import Service


@pytest.fixture(scope="module")
def broken(start_service: StartService, new_database: NewDatabase, receiver: Receiver) -> Service:
    """A service whose database has no tables."""
    return start_service(
        **receiver.settings, DATABASE_URL=new_database(), RATE_LIMIT_LOGIN="3/minute"
    )


@pytest.mark.parametrize("which", ["working", "broken"])
def test_no_secret_is_in_a_span(
    traced: Service, broken: Service, receiver: Receiver, which: str
) -> None:
    """Passwords, tokens, cookies, queries and emails are in no span, for any status."""
    target = {"working": traced, "broken": broken}[which]
    canary, account = canaries(), sign_up(traced.client)
    responses = drive(target.client, account, canary)
    received = {response.status_code for response in responses}
    assert received >= ({201, 401, 403, 422} if which == "working" else {500, 401, 422, 429})
    _wait_for_all(target, receiver)
    for secret in [*canary.values(), account.token, account.email, account.password]:
        assert secret.encode() not in receiver.raw  # check 38


def _wait_for_all(service: Service, receiver: Receiver) -> None:
    # Spans are exported in the order in which they end: the span of this request is the last.
    trace_id = secrets.token_hex(16)
    service.client.get("/nothing", headers={"traceparent": f"00-{trace_id}-{'1' * 16}-01"})
    receiver.trace(trace_id)


def test_no_value_of_a_header_or_a_path_is_in_a_span(traced: Service, receiver: Receiver) -> None:
    """Idempotency keys, refresh tokens, user agents and provider names are in no span."""
    account, mark = sign_up(traced.client), secrets.token_hex(8)
    marked = {"Idempotency-Key": mark, "User-Agent": mark, "Cookie": f"session={mark}"}
    body = {"items": [{"product_id": 1, "quantity": 1}]}
    traced.client.post(f"{account.url}/orders", json=body, headers={**account.auth, **marked})
    traced.client.post("/api/auth/refresh", json={"refresh_token": mark})
    traced.client.get(f"/api/auth/oidc/{mark}/callback?code={mark}&state={mark}")
    traced.client.get(f"/api/users/{mark}", headers=account.auth)
    traced.client.get("/api/users/me", headers=marked)
    traced.client.get("/api/products", headers={"Host": f"{mark}.example"})
    _wait_for_all(traced, receiver)
    assert mark.encode() not in receiver.raw  # check 38, check 55


def test_a_span_has_only_the_type_of_an_unexpected_error(
    broken: Service, receiver: Receiver
) -> None:
    """The server span has failed, and no span has a message or a traceback."""
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-{'1' * 16}-01"}
    assert broken.client.post("/api/users", json=signup_body(), headers=headers).status_code == 500
    trace = receiver.trace(trace_id)
    assert trace[0].failed
    assert trace[0].attributes["http.response.status_code"] == 500
    (insert,) = [span for span in trace if span.name == "INSERT users"]
    assert insert.attributes["error.type"] == "UndefinedTable"
    assert b"does not exist" not in receiver.raw
