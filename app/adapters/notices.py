"""Notices to account owners about changes that affect their sign-in."""

from typing import Literal

import structlog

_log = structlog.get_logger()

Notice = Literal["email-changed", "identity-linked", "identity-removed", "password-changed"]


def send_notice(notice: Notice, *, user_id: int) -> None:
    """Write a notice about a committed change to the log. The service does not send mail yet."""
    _log.info("account_notice", notice=notice, user_id=user_id)
