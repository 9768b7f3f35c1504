"""Every route of the OpenAPI document has a rate limit, also through the load balancer."""

from collections.abc import Iterator

import pytest

from tests.e2e.local_stack import NO_PROVIDER, LocalStack, Response

LIMIT_PER_HOUR = 20


@pytest.fixture(scope="module")
def strict_stack() -> Iterator[LocalStack]:
    """A stack in which every limit of requests is 20 per hour. Failed logins keep their limit."""
    names = ("SIGNUP", "LOGIN", "PASSWORD", "MAIL", "DEFAULT")
    limits = {f"RATE_LIMIT_{name}": f"{LIMIT_PER_HOUR}/hour" for name in names}
    stack = LocalStack(**limits, **NO_PROVIDER)
    try:
        stack.start()
        yield stack
    finally:
        stack.discard()


@pytest.mark.slow
def test_every_route_returns_429_despite_different_x_forwarded_for(
    strict_stack: LocalStack,
) -> None:
    """Limits are for the client's real address, which a forged X-Forwarded-For does not change."""
    # check 30
    document = strict_stack.request("GET", "/openapi.json").json()
    operations = [
        (method, path) for path, methods in document["paths"].items() for method in methods
    ]
    assert len(operations) >= 10
    for method, path in operations:
        numbers = range(LIMIT_PER_HOUR + 1)
        responses = (_send(strict_stack, method, path, number) for number in numbers)
        refused = next((response for response in responses if response.status == 429), None)
        assert refused is not None, (method, path)
        assert refused.json()["code"] == "too-many-requests"
        assert 0 < int(refused.headers["Retry-After"]) <= 3600
        assert ";r=0;" in refused.headers["RateLimit"]


def _send(stack: LocalStack, method: str, path: str, number: int) -> Response:
    headers = {"X-Forwarded-For": f"203.0.113.{number}", "Content-Type": "application/json"}
    return stack.request(method.upper(), path.replace("{user_id}", "1"), headers=headers)
