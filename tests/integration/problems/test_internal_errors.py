"""Internal errors: the client gets a request id, the log gets the details, and no secret leaks."""

import time

import httpx2
import pytest

from tests.accounts import Account, signup_body
from tests.conftest import NewDatabase, StartService
from tests.integration.canaries import canaries, drive
from tests.integration.wire import SECURITY_HEADERS, log_lines, problem
from tests.service import Service


@pytest.fixture(scope="module")
def broken(start_service: StartService, new_database: NewDatabase) -> Service:
    """A service whose database has no tables, so that every query fails."""
    return start_service(DATABASE_URL=new_database(), RATE_LIMIT_LOGIN="3/minute")


def _sign_up(service: Service) -> httpx2.Response:
    return service.client.post("/api/users", json=signup_body())


def test_an_exception_returns_a_problem_without_internals(broken: Service) -> None:
    """The 500 has the security headers and the rate limit, and nothing about the cause."""
    response = _sign_up(broken)
    problem(response, 500, "internal-error")  # check 39
    for word in ("Traceback", "psycopg", "sqlalchemy", "relation", "users", "SELECT", ".py"):
        assert word not in response.text  # check 39
    for name, value in SECURITY_HEADERS.items():
        assert response.headers.get_list(name) == [value]  # check 36
    assert "Server" not in response.headers  # check 36
    assert response.headers["RateLimit-Policy"].startswith('"signup"')
    assert response.headers["Cache-Control"] == "no-store"


def test_the_log_has_the_traceback_of_a_500_under_its_request_id(broken: Service) -> None:
    """The log line `unexpected_error` contains the whole traceback."""
    response = _sign_up(broken)
    lines = log_lines(broken, response.json()["request_id"])
    events = {line["event"]: line for line in lines}
    assert set(events) == {"unexpected_error", "request"}
    assert events["unexpected_error"]["level"] == "error"
    assert "UndefinedTable" in str(events["unexpected_error"]["exception"])  # check 39
    assert "users.py" in str(events["unexpected_error"]["exception"])
    assert events["request"]["status"] == 500


def test_a_500_over_https_has_hsts(broken: Service) -> None:
    """A middleware adds Strict-Transport-Security to every response, even to a 500."""
    headers = {"X-Forwarded-Proto": "https"}
    response = broken.client.post("/api/users", json=signup_body(), headers=headers)
    assert response.status_code == 500
    assert "Strict-Transport-Security" in response.headers  # check 36


def test_the_service_continues_after_a_500(broken: Service) -> None:
    """The database connection returns to the pool, and other requests are not affected."""
    for _ in range(12):
        problem(_sign_up(broken), 500, "internal-error")
    assert broken.client.get("/readyz").status_code == 200


@pytest.mark.parametrize("which", ["working", "broken"])
def test_no_secret_is_in_the_log_or_in_a_response(
    service: Service, broken: Service, ahmed: Account, which: str
) -> None:
    """The log, the metrics and the responses contain no secret of any request, failed or not."""
    target, canary = {"working": service, "broken": broken}[which], canaries()
    responses = drive(target.client, ahmed, canary)
    received = {response.status_code for response in responses}
    assert received >= ({201, 401, 403, 422} if which == "working" else {500, 401, 422, 429})
    log_lines(target, responses[-1].headers["X-Request-ID"])
    secrets_sent = [*canary.values(), ahmed.token]
    metrics = target.client.get("/metrics").text
    for secret in secrets_sent:
        assert secret not in target.log.read_text()  # check 38
        assert secret not in metrics  # check 38
        for response in responses:
            assert secret not in response.text + str(response.headers)  # check 38


def test_the_tokens_of_a_login_are_not_in_the_log(service: Service, ahmed: Account) -> None:
    """The email and the password are not in the log either."""
    body = {"email": ahmed.email, "password": ahmed.password}
    response = service.client.post("/api/auth/login", json=body)
    log_lines(service, response.headers["X-Request-ID"])
    time.sleep(0.05)
    log = service.log.read_text()
    for secret in (response.json()["access_token"], response.json()["refresh_token"],
                   ahmed.email, ahmed.password):  # fmt: skip
        assert secret not in log  # check 38
