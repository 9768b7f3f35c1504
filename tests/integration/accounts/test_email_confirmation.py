"""The confirmation of an email address, by the link in a message."""

from functools import partial

import httpx2
import psycopg
import pytest
from psycopg import sql

from tests.accounts import new_email, sign_up, signup_body
from tests.integration.conftest import WithMail
from tests.integration.wire import at_once, pointers, problem, statuses

CONFIRM = "/api/auth/email-confirmation"


def _confirm(with_mail: WithMail, token: str) -> httpx2.Response:
    return with_mail.client.put(CONFIRM, json={"token": token})


def test_a_signup_sends_a_link_that_confirms_the_address(with_mail: WithMail) -> None:
    """The account shows `email_confirmed`, and its ETag changes."""
    user = sign_up(with_mail.client)
    before = with_mail.client.get(user.url, headers=user.auth)
    assert before.json()["email_confirmed"] is False
    token = with_mail.mailbox.token(user.email)
    response = _confirm(with_mail, token)
    assert (response.status_code, response.content) == (204, b"")
    after = with_mail.client.get(user.url, headers=user.auth)
    assert after.json()["email_confirmed"] is True
    assert after.headers["ETag"] != before.headers["ETag"]


def test_a_link_works_once(with_mail: WithMail) -> None:
    """Of 20 concurrent uses, one succeeds."""
    token = with_mail.mailbox.token(sign_up(with_mail.client).email)
    responses = at_once([partial(_confirm, with_mail, token)] * 20)
    assert statuses(responses) == {204: 1, 422: 19}
    assert token not in str(problem(_confirm(with_mail, token), 422, "invalid-link"))


def test_a_newer_link_makes_the_older_invalid(with_mail: WithMail) -> None:
    """Only the newest link of a kind works."""
    user = sign_up(with_mail.client)
    older = with_mail.mailbox.token(user.email)
    sent = with_mail.client.post(CONFIRM, headers=user.auth)
    assert (sent.status_code, sent.content) == (202, b"")
    newer = with_mail.mailbox.token(user.email, count=2)
    assert _confirm(with_mail, older).status_code == 422
    assert _confirm(with_mail, newer).status_code == 204


def test_a_link_expires(with_mail: WithMail) -> None:
    """After 24 hours, the link is as invalid as an unknown one."""
    user = sign_up(with_mail.client)
    token = with_mail.mailbox.token(user.email)
    with psycopg.connect(with_mail.database_url, autocommit=True) as connection:
        row = connection.execute(
            "UPDATE links SET expires_at = expires_at - interval '24 hours' FROM messages"
            " WHERE message_id = messages.id AND user_id = %s"
            " RETURNING expires_at BETWEEN now() - interval '1 minute' AND now()",
            [user.id],
        ).fetchone()
    assert row == (True,)
    assert _confirm(with_mail, token).status_code == 422


def test_a_confirmed_address_needs_no_link(with_mail: WithMail) -> None:
    """A request for another link gets 409."""
    user = sign_up(with_mail.client)
    token = with_mail.mailbox.token(user.email)
    assert _confirm(with_mail, token).status_code == 204
    problem(with_mail.client.post(CONFIRM, headers=user.auth), 409, "email-confirmed")


def test_only_a_signed_in_user_can_ask_for_another_link(with_mail: WithMail) -> None:
    """Without a session, a client cannot make the service send another message."""
    assert with_mail.client.post(CONFIRM).status_code == 401


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é" * 50, "x" * 10_000])
def test_an_unknown_token_is_an_invalid_link(with_mail: WithMail, token: str) -> None:
    """Tokens of any length and with any characters get the same error."""
    problem(_confirm(with_mail, token), 422, "invalid-link")


def test_a_refused_signup_sends_no_second_message(with_mail: WithMail) -> None:
    """A signup stores its message in the same transaction as the account."""
    body = signup_body(email=new_email())
    assert with_mail.client.post("/api/users", json=body).status_code == 201
    assert with_mail.client.post("/api/users", json=body).status_code == 409
    with psycopg.connect(with_mail.database_url) as connection:
        rows = connection.execute(
            "SELECT count(*) FROM messages WHERE address = %s", [body["email"]]
        ).fetchone()
    assert rows == (1,)


def test_tokens_are_stored_only_as_hashes(with_mail: WithMail) -> None:
    """No table contains the token of a link. The job's arguments contain no personal data."""
    user = sign_up(with_mail.client)
    token = with_mail.mailbox.token(user.email)
    with psycopg.connect(with_mail.database_url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        ).fetchall()
        for (table,) in tables:
            query = sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table))
            rows = connection.execute(query).fetchall()
            assert not [row for (row,) in rows if token in row], table
            if table.startswith("procrastinate"):
                assert not [row for (row,) in rows if user.email in row], table


def test_the_links_of_a_disabled_account_do_not_work(with_mail: WithMail) -> None:
    """No link is sent to a disabled account, and links that were sent earlier do not work."""
    user = sign_up(with_mail.client)
    confirm = with_mail.mailbox.token(user.email)
    reset = "/api/auth/password-reset"
    with_mail.client.post(reset, json={"email": user.email})
    token = with_mail.mailbox.token(user.email, "Reset")
    with psycopg.connect(with_mail.database_url, autocommit=True) as connection:
        connection.execute("UPDATE users SET disabled_at = now() WHERE id = %s", [user.id])
        assert _confirm(with_mail, confirm).status_code == 422
        body = {"token": token, "new_password": "another long password"}
        assert with_mail.client.put(reset, json=body).status_code == 422
        assert with_mail.client.post(reset, json={"email": user.email}).status_code == 202
        row = connection.execute(
            "SELECT count(*) FROM messages WHERE user_id = %s AND kind = 'reset-password'",
            [user.id],
        ).fetchone()
    assert row == (1,)


@pytest.mark.parametrize("local_part", ["=?q?a=0d=0abcc=3ab=40c.example?=", "=?utf-8?q?x?="])
def test_an_address_with_an_encoded_word_is_refused(with_mail: WithMail, local_part: str) -> None:
    """A mail program would decode the word, and could read a part of it as another header."""
    body = signup_body(email=f"{local_part}@example.com")
    assert pointers(with_mail.client.post("/api/users", json=body)) == ["/email"]
