"""Spans of database statements and of refused requests."""

import secrets
from typing import Any

import pytest

from lab.stack.config.ports import LOOPBACK
from tests.accounts import Account, signup_body
from tests.integration.shop import basket
from tests.receiver import Receiver, SendTraced


def test_a_login_and_an_order_have_a_span_for_each_statement(
    send_traced: SendTraced, buyer: Account, product: dict[str, Any]
) -> None:
    """Spans have the names of OpenTelemetry's conventions, in the order of the statements."""
    login = {"email": buyer.email, "password": buyer.password}
    _, trace = send_traced("POST", "/api/auth/login", json=login)
    names = [span.name for span in trace if span.attributes.get("db.system.name")]
    assert names == ["EVAL", "SELECT users", "EVAL", "DEL", "SELECT users", "INSERT sessions",
                     "DELETE sessions", "COMMIT"]  # fmt: skip
    headers = {**buyer.auth, "Idempotency-Key": secrets.token_hex(8)}
    response, trace = send_traced(
        "POST", f"{buyer.url}/orders", json=basket((product, 1)), headers=headers
    )
    assert response.status_code == 201
    names = [span.name for span in trace if span.attributes.get("db.system.name") == "postgresql"]
    assert names[-6:] == ["SELECT idempotency_keys", "SELECT users", "UPDATE products",
                          "INSERT orders", "INSERT idempotency_keys", "COMMIT"]  # fmt: skip
    assert trace[-1].name == "EVAL"


@pytest.mark.usefixtures("buyer")
def test_every_span_lies_within_its_parent(send_traced: SendTraced) -> None:
    """A span starts and ends while its parent runs. The commit is the last statement."""
    _, trace = send_traced("POST", "/api/users", json=signup_body())
    by_id = {span.id: span for span in trace}
    for span in trace[1:]:
        parent = by_id[span.parent_id]
        assert parent.start_ns <= span.start_ns <= span.end_ns <= parent.end_ns, (span, parent)
    (pool,) = [span for span in trace if span.stage == "pool"]
    insert, message = [span for span in trace if span.stage == "sql"]
    (commit,) = [span for span in trace if span.stage == "commit"]
    assert pool.end_ns <= insert.start_ns <= insert.end_ns <= message.start_ns
    assert message.end_ns <= commit.start_ns


@pytest.mark.usefixtures("buyer")
def test_statements_have_placeholders_and_no_values(
    send_traced: SendTraced, receiver: Receiver
) -> None:
    """The text in the span is the prepared statement, and no value is exported."""
    body = signup_body(name="Canary-Name")
    _, trace = send_traced("POST", "/api/users", json=body)
    insert, message = [span.attributes for span in trace if span.stage == "sql"]
    assert "VALUES (%(name)s::VARCHAR, %(email)s::VARCHAR" in insert["db.query.text"]
    assert (insert["db.operation.name"], insert["db.collection.name"]) == ("INSERT", "users")
    assert insert["db.response.returned_rows"] == 1
    assert insert["server.address"] == LOOPBACK
    assert "%(kind)s, %(address)s, %(provider)s" in message["db.query.text"]
    for value in (*body.values(), "$argon2"):
        assert value.encode() not in receiver.raw


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/api/users/999999999", 404, "NotFound"),
        ("POST", "/api/users", 409, "EmailTaken"),
        ("POST", "/api/auth/login", 422, "RequestValidationError"),
        ("PUT", "/api/users/{id}/password", 429, None),
        ("GET", "/nothing/at/all", 404, None),
    ],
)
def test_a_refused_request_has_its_status_and_the_stage_that_failed(
    send_traced: SendTraced, buyer: Account, method: str, path: str, status: int, error: str | None
) -> None:
    """The server span has not failed. The span of the failed stage has the type of the error."""
    body = {"name": "Twin", "email": buyer.email, "password": "the same plain passphrase"}
    options: dict[str, Any] = {"json": {} if status in {422, 429} else body}
    path = path.replace("{id}", str(buyer.id))
    send_traced(method, path, headers=buyer.auth, **options)
    response, trace = send_traced(method, path, headers=buyer.auth, **options)
    assert response.status_code == trace[0].attributes["http.response.status_code"] == status
    assert not trace[0].failed
    assert {span.attributes.get("error.type") for span in trace if span.failed} - {
        "UniqueViolation"
    } == ({error} if error else set())


def test_a_failed_statement_has_its_sqlstate_and_a_rollback(
    send_traced: SendTraced, buyer: Account
) -> None:
    """OpenTelemetry's conventions require the SQLSTATE. After the statement, a rollback runs.

    Then the service takes back the count of the message that it does not send.
    """
    body = signup_body(email=buyer.email)
    _, trace = send_traced("POST", "/api/users", json=body)
    (insert,) = [span for span in trace if span.stage == "sql"]
    assert insert.failed
    assert insert.attributes["db.response.status_code"] == "23505"
    assert [span.stage for span in trace if span.start_ns > insert.start_ns] == [
        "rollback",
        "redis",
    ]
