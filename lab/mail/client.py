"""Reads the mailbox of the running stack, through its load balancer."""

import time
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urlencode

from lab.http_client import send
from lab.mail.message import Document
from lab.stack.errors import LabError

_POLL_INTERVAL_SECONDS: Final = 0.1


@dataclass(frozen=True)
class Filter:
    """Selects messages by recipient, by text in the subject, and by the id of an older message."""

    to: str = ""
    subject: str = ""
    after: int = 0

    def query(self, limit: int) -> str:
        """Return the query string for the API."""
        return urlencode({**asdict(self), "limit": limit})

    def __str__(self) -> str:
        """Describe the messages, for an error: `message to ahmed@example.com`."""
        parts = [
            f" to {self.to}" if self.to else "",
            f" with `{self.subject}` in its subject" if self.subject else "",
            f" after message {self.after}" if self.after else "",
        ]
        return f"message{''.join(parts)}"


class MailClient:
    """The mailbox's JSON API."""

    def __init__(self, http_port: int) -> None:
        self._http_port = http_port

    def summaries(self, wanted: Filter, limit: int) -> list[Document]:
        """Return the newest wanted messages, the newest first.

        :raises LabError: when the collector does not answer.
        """
        status, found = self._get(f"/lab/api/mail?{wanted.query(limit)}")
        if status != HTTPStatus.OK:
            raise LabError(str(found.get("detail", found)))
        items: list[Document] = found["items"]
        return items

    def newest(self, wanted: Filter, wait_seconds: float) -> Document:
        """Return the newest wanted message. If there is none, wait until such a message arrives.

        :raises LabError: when no such message arrives in time, or the collector does not answer.
        """
        deadline = time.monotonic() + wait_seconds
        while not (found := self.summaries(wanted, 1)):
            if time.monotonic() > deadline:
                waited = f" arrived within {wait_seconds:g} s" if wait_seconds else ""
                raise LabError(f"No {wanted}{waited}. List all messages:  lab mail")
            time.sleep(_POLL_INTERVAL_SECONDS)
        return self.message(found[0]["id"])

    def message(self, message_id: int) -> Document:
        """Return a whole message.

        :raises LabError: when the message does not exist, or the collector does not answer.
        """
        status, found = self._get(f"/lab/api/mail/{message_id}")
        if status == HTTPStatus.NOT_FOUND:
            raise LabError(f"There is no message {message_id}. List all messages:  lab mail")
        if status != HTTPStatus.OK:
            raise LabError(str(found.get("detail", found)))
        return found

    def _get(self, path: str) -> tuple[int, Document]:
        try:
            response = send("GET", f"http://localhost:{self._http_port}{path}")
            return response.status, response.json()
        except (OSError, ValueError) as error:
            raise LabError(f"The mailbox does not answer: {error}. See:  make status") from error
