"""The reset of a forgotten password, by the link in a message."""

import random
from functools import partial
from statistics import median
from time import perf_counter

import httpx2
import psycopg
import pytest

from tests.accounts import PASSWORD, log_in, new_email, sign_up
from tests.conftest import StartService
from tests.integration.conftest import WithMail
from tests.integration.wire import at_once, statuses

RESET = "/api/auth/password-reset"
NEW_PASSWORD = "another long password"


def _ask(with_mail: WithMail, email: str) -> httpx2.Response:
    response = with_mail.client.post(RESET, json={"email": email})
    assert (response.status_code, response.content) == (202, b""), response.text
    return response


def _reset(with_mail: WithMail, token: str, password: str = NEW_PASSWORD) -> httpx2.Response:
    return with_mail.client.put(RESET, json={"token": token, "new_password": password})


def test_a_link_sets_a_new_password_and_ends_all_sessions(with_mail: WithMail) -> None:
    """A notice is sent. The old password and the old token are refused."""
    user = sign_up(with_mail.client)
    _ask(with_mail, user.email.upper())
    token = with_mail.mailbox.token(user.email, "Reset")
    response = _reset(with_mail, token)
    assert (response.status_code, response.content) == (204, b"")
    assert with_mail.client.get(user.url, headers=user.auth).status_code == 401
    login = {"email": user.email, "password": PASSWORD}
    assert with_mail.client.post("/api/auth/login", json=login).status_code == 401
    log_in(with_mail.client, user.email, NEW_PASSWORD)
    with_mail.mailbox.wait_for(user.email, "Your password was changed")


def test_a_link_works_once(with_mail: WithMail) -> None:
    """Of 20 concurrent uses, one succeeds."""
    user = sign_up(with_mail.client)
    _ask(with_mail, user.email)
    token = with_mail.mailbox.token(user.email, "Reset")
    responses = at_once([partial(_reset, with_mail, token)] * 20)
    assert statuses(responses) == {204: 1, 422: 19}
    assert _reset(with_mail, token).json()["code"] == "invalid-link"


def test_a_newer_link_makes_the_older_invalid(with_mail: WithMail) -> None:
    """Only the newest link works. It expires after 30 minutes."""
    user = sign_up(with_mail.client)
    _ask(with_mail, user.email)
    older = with_mail.mailbox.token(user.email, "Reset")
    _ask(with_mail, user.email)
    newer = with_mail.mailbox.token(user.email, "Reset", count=2)
    assert _reset(with_mail, older).status_code == 422
    with psycopg.connect(with_mail.database_url, autocommit=True) as connection:
        row = connection.execute(
            "UPDATE links SET expires_at = expires_at - interval '30 minutes' FROM messages"
            " WHERE message_id = messages.id AND user_id = %s AND kind = 'reset-password'"
            " RETURNING expires_at BETWEEN now() - interval '1 minute' AND now()",
            [user.id],
        ).fetchone()
    assert row == (True,)
    assert _reset(with_mail, newer).status_code == 422


def test_a_guessable_password_is_refused_and_the_link_still_works(with_mail: WithMail) -> None:
    """The new password must follow the same rules as the password of a signup."""  # check 4
    user = sign_up(with_mail.client)
    _ask(with_mail, user.email)
    token = with_mail.mailbox.token(user.email, "Reset")
    for password in ("short", user.email, "password" * 4):
        response = _reset(with_mail, token, password)
        assert response.status_code == 422
        assert response.json()["errors"][0]["pointer"] == "/new_password"
    assert _reset(with_mail, token).status_code == 204


def test_a_link_that_confirms_an_address_resets_no_password(with_mail: WithMail) -> None:
    """Each kind of link works for its own purpose only."""
    user = sign_up(with_mail.client)
    confirm = with_mail.mailbox.token(user.email, "Confirm")
    assert _reset(with_mail, confirm).status_code == 422
    _ask(with_mail, user.email)
    token = with_mail.mailbox.token(user.email, "Reset")
    response = with_mail.client.put("/api/auth/email-confirmation", json={"token": token})
    assert response.status_code == 422


def test_after_a_reset_the_count_of_failed_logins_begins_again(
    with_mail: WithMail, start_service: StartService
) -> None:
    """After a reset of the password, the owner of a locked account can log in."""
    # check 10
    own = {**with_mail.mailbox.settings, "DATABASE_URL": with_mail.database_url}
    client = start_service(**own, RATE_LIMIT_LOGIN_FAILURES="2/hour").client
    user = sign_up(client)
    wrong = {"email": user.email, "password": "not the password at all"}
    found = [client.post("/api/auth/login", json=wrong).status_code for _ in range(3)]
    assert found == [401, 401, 429]
    _ask(with_mail, user.email)
    reset = {"token": with_mail.mailbox.token(user.email, "Reset"), "new_password": NEW_PASSWORD}
    assert client.put(RESET, json=reset).status_code == 204
    log_in(client, user.email, NEW_PASSWORD)


def test_the_links_of_an_erased_account_stop_working(with_mail: WithMail) -> None:
    """A link that was sent before the account was erased resets nothing."""
    user = sign_up(with_mail.client)
    _ask(with_mail, user.email)
    token = with_mail.mailbox.token(user.email, "Reset")
    headers = {**user.auth, "If-Match": "*"}
    assert with_mail.client.delete(user.url, headers=headers).status_code == 204
    assert _reset(with_mail, token).status_code == 422


def test_the_response_does_not_show_whether_an_account_exists(with_mail: WithMail) -> None:
    """Status, body and headers are the same, except for the values that always vary."""
    responses = []
    for email in (sign_up(with_mail.client).email, new_email()):
        varying = {"x-request-id", "date", "ratelimit"}
        headers = dict(_ask(with_mail, email).headers)
        responses.append({name: it for name, it in headers.items() if name not in varying})
    assert responses[0] == responses[1]


@pytest.mark.alone
def test_a_reset_takes_the_same_time_whether_or_not_an_account_exists(with_mail: WithMail) -> None:
    """After 200 interleaved requests of each kind, median times differ by less than 5 %."""
    known = [sign_up(with_mail.client).email for _ in range(3)]
    seconds: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(200):
        for kind in random.sample(sorted(seconds), 2):
            email = known[number % len(known)] if kind == "known" else new_email()
            began = perf_counter()
            _ask(with_mail, email)
            seconds[kind].append(perf_counter() - began)
    ratio = median(seconds["unknown"]) / median(seconds["known"])
    print(f"the median for an unknown address is {ratio:.2f} of that for a known address")
    assert 0.95 < ratio < 1.05
