"""Whose spans `lab trace` waits for."""

import pytest

from lab.trace.senders import senders
from lab.trace.target import Target


@pytest.mark.parametrize(
    ("path", "number"),
    [
        ("/api/users", 3),
        ("/labels", 3),
        ("/livez", 2),
        ("/readyz", 2),
        ("/metrics", 1),
        ("/lab", 1),
        ("/lab/api/traces", 1),
    ],
)
def test_in_a_stack_it_depends_on_the_path(path: str, number: int) -> None:
    """The client, the load balancer, an app process; or fewer."""
    assert senders(Target("https", "localhost", 8443, path, is_nearby=True)) == number


def test_elsewhere_it_is_the_client_and_a_server() -> None:
    """A path of that name means nothing there."""
    assert senders(Target("https", "example.com", 443, "/lab")) == 2
