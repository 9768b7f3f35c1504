"""The mailbox's JSON API: a list of messages, and one message."""

import asyncio
from collections.abc import Iterator
from itertools import islice

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.collector.errors import Problem
from lab.collector.parameters import number
from lab.mail.mailbox import MAX_MESSAGES, Mailbox
from lab.mail.message import Document, document, summary

_MAX_ID = 10**9
_DEFAULT_LIMIT = 50


class MailApi:
    """The endpoints of one mailbox."""

    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    @property
    def routes(self) -> list[Route]:
        """The routes of the API."""
        return [
            Route("/lab/api/mail", self.messages),
            Route("/lab/api/mail/{message_id}", self.message),
        ]

    async def messages(self, request: Request) -> Response:
        """List the newest messages. The parameters `to`, `subject` and `after` filter the list."""
        limit = number(request, "limit", _DEFAULT_LIMIT, MAX_MESSAGES)
        after = number(request, "after", 0, _MAX_ID, minimum=0)
        to, subject = (request.query_params.get(name, "").lower() for name in ("to", "subject"))
        found = (
            it
            for it in self._summaries(after)
            if (not to or to in map(str.lower, it["to"])) and subject in it["subject"].lower()
        )
        # The files are read in a thread.
        items = await asyncio.to_thread(lambda: list(islice(found, limit)))
        return JSONResponse({"items": items})

    async def message(self, request: Request) -> Response:
        """Show one message."""
        found = await asyncio.to_thread(self._document, request.path_params["message_id"])
        if found is None:
            raise Problem(404, f"There is no such message among the last {MAX_MESSAGES}.")
        return JSONResponse(found)

    def _document(self, message_id: str) -> Document | None:
        kept = next((it for it in self._mailbox.newest() if str(it.message_id) == message_id), None)
        try:
            return document(kept) if kept else None
        except FileNotFoundError:
            return None

    def _summaries(self, after: int) -> Iterator[Document]:
        for kept in self._mailbox.newest():
            if kept.message_id <= after:
                return
            try:
                yield summary(kept)
            except FileNotFoundError:
                # A new message has just replaced the oldest message.
                continue
