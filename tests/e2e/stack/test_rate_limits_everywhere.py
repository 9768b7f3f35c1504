"""Every route of the OpenAPI document has a rate limit, also through the load balancer."""

import pytest

from lab.http_client import Response
from tests.e2e.local_stack import NO_PROVIDER, LocalStack, running_stack

LIMIT_PER_HOUR = 20


# The separate limit for failed logins keeps its default.
LIMITS = {
    f"RATE_LIMIT_{name}": f"{LIMIT_PER_HOUR}/hour"
    for name in ("SIGNUP", "LOGIN", "PASSWORD", "MAIL", "DEFAULT")
}


@pytest.mark.slow
def test_every_route_returns_429_despite_different_x_forwarded_for() -> None:
    """The service counts by the client's real address, and not by a forged X-Forwarded-For."""
    # check 30
    with running_stack(**LIMITS, **NO_PROVIDER) as stack:
        document = stack.request("GET", "/openapi.json").json()
        operations = [
            (method, path) for path, methods in document["paths"].items() for method in methods
        ]
        assert len(operations) >= 10
        for method, path in operations:
            numbers = range(LIMIT_PER_HOUR + 1)
            responses = (_send(stack, method, path, number) for number in numbers)
            refused = next((response for response in responses if response.status == 429), None)
            assert refused is not None, (method, path)
            assert refused.json()["code"] == "too-many-requests"
            assert 0 < int(refused.headers["Retry-After"]) <= 3600
            assert ";r=0;" in refused.headers["RateLimit"]


def _send(stack: LocalStack, method: str, path: str, number: int) -> Response:
    headers = {"X-Forwarded-For": f"203.0.113.{number}", "Content-Type": "application/json"}
    return stack.request(method.upper(), path.replace("{user_id}", "1"), headers=headers)
