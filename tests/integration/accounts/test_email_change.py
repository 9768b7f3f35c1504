"""The change of an email address: by its owner with a link, and by an administrator at once."""

from functools import partial

import httpx2

from tests.accounts import PASSWORD, Account, log_in, new_admin, new_email, sign_up
from tests.integration.conftest import WithMail
from tests.integration.wire import at_once, problem, statuses
from tests.mailbox import text_of

CONFIRM = "/api/auth/email-confirmation"
NEW_ADDRESS = "Confirm your new"
REQUESTED = "was requested"
CHANGED = "was changed"


def _ask(with_mail: WithMail, user: Account, email: str) -> httpx2.Response:
    body = {"email": email, "current_password": PASSWORD}
    return with_mail.client.put(f"{user.url}/email", json=body, headers=user.auth)


def _confirm(with_mail: WithMail, token: str) -> httpx2.Response:
    return with_mail.client.put(CONFIRM, json={"token": token})


def _email_of(with_mail: WithMail, user: Account) -> str:
    email: str = with_mail.client.get(user.url, headers=user.auth).json()["email"]
    return email


def test_the_address_changes_when_the_link_is_used(with_mail: WithMail) -> None:
    """The old address gets one message about the request, and another about the change."""
    user, email = sign_up(with_mail.client), new_email()
    response = _ask(with_mail, user, email)
    assert (response.status_code, response.content) == (202, b"")
    token = with_mail.mailbox.token(email, NEW_ADDRESS)
    notice = with_mail.mailbox.wait_for(user.email, REQUESTED)
    assert email not in text_of(notice)
    assert _email_of(with_mail, user) == user.email
    assert _confirm(with_mail, token).status_code == 204
    after = with_mail.client.get(user.url, headers=user.auth).json()
    assert (after["email"], after["email_confirmed"]) == (email, True)
    with_mail.mailbox.wait_for(user.email, CHANGED)
    log_in(with_mail.client, email, PASSWORD)


def test_an_address_that_another_account_has_meanwhile_is_refused(with_mail: WithMail) -> None:
    """The address is free when the user asks for the change, and taken when the link is used."""
    user, email = sign_up(with_mail.client), new_email()
    assert _ask(with_mail, user, email).status_code == 202
    token = with_mail.mailbox.token(email, NEW_ADDRESS)
    sign_up(with_mail.client, email=email)
    problem(_confirm(with_mail, token), 409, "email-taken")
    assert _email_of(with_mail, user) == user.email


def test_a_change_makes_earlier_links_invalid(with_mail: WithMail) -> None:
    """Links that were sent to the old address stop working."""
    user, email = sign_up(with_mail.client), new_email()
    confirm = with_mail.mailbox.token(user.email, "Confirm")
    assert with_mail.client.post("/api/auth/password-reset", json={"email": user.email}).is_success
    reset = with_mail.mailbox.token(user.email, "Reset")
    assert _ask(with_mail, user, email).status_code == 202
    change = with_mail.mailbox.token(email, NEW_ADDRESS)
    assert _confirm(with_mail, change).status_code == 204
    assert _confirm(with_mail, confirm).status_code == 422
    body = {"token": reset, "new_password": "another long password"}
    assert with_mail.client.put("/api/auth/password-reset", json=body).status_code == 422


def test_a_change_of_password_cancels_the_change_of_address(with_mail: WithMail) -> None:
    """An attacker who knew the old password may have requested the change."""  # check 41
    user, email = sign_up(with_mail.client), new_email()
    assert _ask(with_mail, user, email).status_code == 202
    token = with_mail.mailbox.token(email, NEW_ADDRESS)
    body = {"current_password": PASSWORD, "new_password": "another long password"}
    changed = with_mail.client.put(f"{user.url}/password", json=body, headers=user.auth)
    assert changed.status_code == 204
    assert _confirm(with_mail, token).status_code == 422
    with_mail.mailbox.wait_for(user.email, "Your password was changed")


def test_an_administrator_changes_an_address_at_once(with_mail: WithMail) -> None:
    """The old address gets a notice. The new one is unconfirmed until its link is used."""
    admin = new_admin(with_mail.client, with_mail.database_url)
    user, email = sign_up(with_mail.client), new_email()
    for _ in range(2):
        response = with_mail.client.put(
            f"{user.url}/email", json={"email": email}, headers=admin.auth
        )
        assert (response.status_code, response.content) == (204, b"")
    after = with_mail.client.get(user.url, headers=user.auth).json()
    assert (after["email"], after["email_confirmed"]) == (email, False)
    with_mail.mailbox.wait_for(user.email, CHANGED)
    token = with_mail.mailbox.token(email, "Confirm")
    assert _confirm(with_mail, token).status_code == 204


def test_two_accounts_cannot_get_one_address(with_mail: WithMail) -> None:
    """Two links confirm the same new address. If they are used at the same time, one works."""
    email, tokens = new_email(), []
    for count in (1, 2):
        user = sign_up(with_mail.client)
        assert _ask(with_mail, user, email).status_code == 202
        tokens.append(with_mail.mailbox.token(email, NEW_ADDRESS, count=count))
    responses = at_once([partial(_confirm, with_mail, token) for token in tokens])
    assert statuses(responses) == {204: 1, 409: 1}
