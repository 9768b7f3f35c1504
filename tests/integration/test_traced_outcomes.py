"""What a trace says of the database, and of requests that are refused."""

import secrets
from typing import Any

import pytest

from tests.accounts import Account, signup_body
from tests.integration.shop import basket
from tests.receiver import Ask, Receiver


def test_a_login_and_an_order_show_their_statements(
    ask: Ask, buyer: Account, product: dict[str, Any]
) -> None:
    """By the names of OpenTelemetry's conventions, in the order in which they were sent."""
    login = {"email": buyer.email, "password": buyer.password}
    _, trace = ask("POST", "/api/auth/login", json=login)
    named = [span.name for span in trace if span.attributes.get("db.system.name")]
    assert named == ["EVAL", "SELECT users", "EVAL", "DEL", "SELECT users", "INSERT sessions",
                     "DELETE sessions", "COMMIT"]  # fmt: skip
    headers = {**buyer.auth, "Idempotency-Key": secrets.token_hex(8)}
    response, trace = ask("POST", f"{buyer.url}/orders", json=basket((product, 1)), headers=headers)
    assert response.status_code == 201
    named = [span.name for span in trace if span.attributes.get("db.system.name") == "postgresql"]
    assert named[-6:] == ["SELECT idempotency_keys", "SELECT users", "UPDATE products",
                          "INSERT orders", "INSERT idempotency_keys", "COMMIT"]  # fmt: skip
    assert trace[-1].name == "EVAL"


@pytest.mark.usefixtures("buyer")
def test_every_stage_lies_within_the_one_that_it_is_part_of(ask: Ask) -> None:
    """In time as in the tree; and what is sent to PostgreSQL is committed at the end."""
    _, trace = ask("POST", "/api/users", json=signup_body())
    by_id = {span.id: span for span in trace}
    for span in trace[1:]:
        parent = by_id[span.parent_id]
        assert parent.begins <= span.begins <= span.ends <= parent.ends, (span, parent)
    (pool,) = [span for span in trace if span.stage == "pool"]
    (insert,) = [span for span in trace if span.stage == "sql"]
    (commit,) = [span for span in trace if span.stage == "commit"]
    assert pool.ends <= insert.begins <= insert.ends <= commit.begins


@pytest.mark.usefixtures("buyer")
def test_statements_have_placeholders_and_no_values(ask: Ask, receiver: Receiver) -> None:
    """The text that PostgreSQL prepares; never what was put into it."""
    body = signup_body(name="Canary-Name")
    _, trace = ask("POST", "/api/users", json=body)
    (insert,) = [span.attributes for span in trace if span.stage == "sql"]
    assert "VALUES (%(name)s::VARCHAR, %(email)s::VARCHAR" in insert["db.query.text"]
    assert (insert["db.operation.name"], insert["db.collection.name"]) == ("INSERT", "users")
    assert insert["db.response.returned_rows"] == 1
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
def test_a_refusal_has_its_status_and_the_stage_that_refused(
    ask: Ask, buyer: Account, method: str, path: str, status: int, error: str | None
) -> None:
    """It is no error of the server; the stage in which it came up names it."""
    body = {"name": "Twin", "email": buyer.email, "password": "the same plain passphrase"}
    options: dict[str, Any] = {"json": {} if status in {422, 429} else body}
    path = path.replace("{id}", str(buyer.id))
    ask(method, path, headers=buyer.auth, **options)
    response, trace = ask(method, path, headers=buyer.auth, **options)
    assert response.status_code == trace[0].attributes["http.response.status_code"] == status
    assert not trace[0].failed
    assert {span.attributes.get("error.type") for span in trace if span.failed} - {
        "UniqueViolation"
    } == ({error} if error else set())


def test_what_the_database_refuses_has_its_code_and_is_rolled_back(
    ask: Ask, buyer: Account
) -> None:
    """SQLSTATE, as OpenTelemetry's conventions want it, and not a word of the message."""
    body = signup_body(email=buyer.email)
    _, trace = ask("POST", "/api/users", json=body)
    (insert,) = [span for span in trace if span.stage == "sql"]
    assert insert.failed
    assert insert.attributes["db.response.status_code"] == "23505"
    assert [span.stage for span in trace if span.begins > insert.begins] == ["rollback"]
