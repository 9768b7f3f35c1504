"""When something breaks: the client learns an id, the log the rest, and no secret gets out."""

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
    """A service whose database has no tables: whatever asks for them fails unexpectedly."""
    return start_service(DATABASE_URL=new_database(), RATE_LIMIT_LOGIN="3/minute")


def _break(service: Service, **changes: str) -> httpx2.Response:
    return service.client.post("/api/users", json=signup_body(**changes))


def test_a_forced_exception_gives_a_problem_without_internals(broken: Service) -> None:
    """500, the security headers, the rate limit, and nothing of the cause."""
    response = _break(broken)
    problem(response, 500, "internal-error")  # check 39
    for word in ("Traceback", "psycopg", "sqlalchemy", "relation", "users", "SELECT", ".py"):
        assert word not in response.text  # check 39
    for name, value in SECURITY_HEADERS.items():
        assert response.headers.get_list(name) == [value]  # check 36
    assert "Server" not in response.headers  # check 36
    assert response.headers["RateLimit-Policy"].startswith('"signup"')
    assert response.headers["Cache-Control"] == "no-store"


def test_the_request_id_of_a_500_leads_to_its_traceback(broken: Service) -> None:
    """The log says what broke and where, in one line under the id that the client has."""
    response = _break(broken)
    lines = log_lines(broken, response.json()["request_id"])
    events = {line["event"]: line for line in lines}
    assert set(events) == {"unexpected_error", "request"}
    assert events["unexpected_error"]["level"] == "error"
    assert "UndefinedTable" in str(events["unexpected_error"]["exception"])  # check 39
    assert "users.py" in str(events["unexpected_error"]["exception"])
    assert events["request"]["status"] == 500


def test_hsts_is_on_a_500_over_https_too(broken: Service) -> None:
    """The door adds its headers whatever happened inside."""
    headers = {"X-Forwarded-Proto": "https"}
    response = broken.client.post("/api/users", json=signup_body(), headers=headers)
    assert response.status_code == 500
    assert "Strict-Transport-Security" in response.headers  # check 36


def test_the_service_goes_on_after_a_500(broken: Service) -> None:
    """The connection to the database is back in the pool, and nobody else is concerned."""
    for _ in range(12):
        problem(_break(broken), 500, "internal-error")
    assert broken.client.get("/readyz").status_code == 200


@pytest.mark.parametrize("which", ["well", "broken"])
def test_a_canary_is_neither_in_the_log_nor_in_any_body(
    service: Service, broken: Service, ahmed: Account, which: str
) -> None:
    """Passwords, tokens and cookies go through 2xx, 401, 422, 429 and 500, and leave no trace."""
    driven, canary = {"well": service, "broken": broken}[which], canaries()
    responses = drive(driven.client, ahmed, canary)
    seen = {response.status_code for response in responses}
    assert seen >= ({201, 401, 403, 422} if which == "well" else {500, 401, 422, 429})
    log_lines(driven, responses[-1].headers["X-Request-ID"])
    secrets_sent = [*canary.values(), ahmed.token]
    metrics = driven.client.get("/metrics").text
    for secret in secrets_sent:
        assert secret not in driven.log.read_text()  # check 38
        assert secret not in metrics  # check 38
        for response in responses:
            assert secret not in response.text + str(response.headers)  # check 38


def test_tokens_that_are_handed_out_are_not_in_the_log(service: Service, ahmed: Account) -> None:
    """Neither the access token nor the refresh token of a login is written down."""
    body = {"email": ahmed.email, "password": ahmed.password}
    response = service.client.post("/api/auth/login", json=body)
    log_lines(service, response.headers["X-Request-ID"])
    time.sleep(0.05)
    log = service.log.read_text()
    for secret in (response.json()["access_token"], response.json()["refresh_token"],
                   ahmed.email, ahmed.password):  # fmt: skip
        assert secret not in log  # check 38
