"""Notices to an account's owner about changes to how the account is signed in to."""

from typing import Literal

import structlog

_log = structlog.get_logger()

Notice = Literal["email-changed", "identity-linked", "identity-removed", "password-changed"]


def send_notice(notice: Notice, *, user_id: int) -> None:
    """Announce a change that has been committed. Until the service sends mail, as a log line."""
    _log.info("account_notice", notice=notice, user_id=user_id)
