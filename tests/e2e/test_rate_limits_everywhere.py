"""Every route of the OpenAPI document has an end, seen from outside the load balancer."""

from collections.abc import Iterator

import pytest

from tests.e2e.local_stack import NO_PROVIDER, Answer, LocalStack

LIMIT = 20


@pytest.fixture(scope="module")
def strict_stack() -> Iterator[LocalStack]:
    """A stack in which everybody may do everything twenty times an hour."""
    names = ("SIGNUP", "LOGIN", "PASSWORD", "DEFAULT")
    limits = {f"RATE_LIMIT_{name}": f"{LIMIT}/hour" for name in names}
    stack = LocalStack(**limits, **NO_PROVIDER)
    try:
        stack.start()
        yield stack
    finally:
        stack.discard()


@pytest.mark.slow
def test_every_route_reaches_429_whatever_x_forwarded_for_says(strict_stack: LocalStack) -> None:
    """A forged X-Forwarded-For is no new address, and no route was forgotten."""
    # check 30
    document = strict_stack.request("GET", "/openapi.json").json()
    operations = [
        (method, path) for path, methods in document["paths"].items() for method in methods
    ]
    assert len(operations) >= 10
    for method, path in operations:
        knocks = (_knock(strict_stack, method, path, number) for number in range(LIMIT + 1))
        refused = next((answer for answer in knocks if answer.status == 429), None)
        assert refused is not None, (method, path)
        assert refused.json()["code"] == "too-many-requests"
        assert 0 < int(refused.headers["Retry-After"]) <= 3600
        assert ";r=0;" in refused.headers["RateLimit"]


def _knock(stack: LocalStack, method: str, path: str, number: int) -> Answer:
    headers = {"X-Forwarded-For": f"203.0.113.{number}", "Content-Type": "application/json"}
    return stack.request(method.upper(), path.replace("{user_id}", "1"), headers=headers)
