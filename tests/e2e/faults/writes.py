"""A write of a client, and what the client knows about the outcome of the write."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from lab.bench.load.calls import Call
from lab.bench.load.traffic import Exchange

_UNAVAILABLE = 503
_IN_FLIGHT = "idempotency-in-flight"


class Kind(NamedTuple):
    """What a write does, and which problem codes decide its outcome."""

    name: str
    already_done: str = ""
    """The code that a repetition gets if an earlier attempt has succeeded."""
    refusal: str = ""
    """The code of a refusal, after which the write has no effect."""


SIGNUP = Kind("signup", already_done="email-taken")
ORDER = Kind("order", refusal="out-of-stock")
CANCELLATION = Kind("cancellation", already_done="invalid-transition")


class Outcome(StrEnum):
    """What the client knows about a write."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass
class Write:
    """A write that its client repeats until the outcome is known.

    The key is the email of a signup, the idempotency key of an order, or the path of the order that
    is cancelled.
    """

    kind: Kind
    key: str
    call: Call
    outcome: Outcome = Outcome.UNKNOWN
    attempts: int = 0
    row: int = 0
    """The id in the response that confirmed the write."""

    def conclude(self, exchange: Exchange) -> bool:
        """Record the result of an attempt. Return False if it is wrong and no fault explains it."""
        self.attempts += 1
        if exchange.outcome == self.call.expected_status:
            self.outcome = Outcome.CONFIRMED
            self.row = json.loads(exchange.body)["id"]
        elif is_failed(exchange) or exchange.code == _IN_FLIGHT:
            return True
        elif exchange.code and exchange.code == self.kind.refusal:
            self.outcome = Outcome.REFUSED
        elif exchange.code and exchange.code == self.kind.already_done and self.attempts > 1:
            self.outcome = Outcome.CONFIRMED
        else:
            return False
        return True


def is_failed(exchange: Exchange) -> bool:
    """Return whether the client got 503, or no response."""
    return exchange.outcome == _UNAVAILABLE or not is_answered(exchange)


def is_answered(exchange: Exchange) -> bool:
    """Return whether the client got a response before its timeout."""
    return isinstance(exchange.outcome, int)


def is_read(exchange: Exchange) -> bool:
    """Return whether the request is a read."""
    return exchange.call.method == "GET"
