"""The number of processes whose spans `lab trace` waits for."""

import pytest

from lab.trace.client.target import Target
from lab.trace.senders import expected_processes


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
def test_in_a_stack_the_number_depends_on_the_path(path: str, number: int) -> None:
    """Up to three processes send spans: client, load balancer and app process."""
    assert (
        expected_processes(Target("https", "localhost", 8443, path, is_local_stack=True)) == number
    )


def test_for_other_servers_the_number_is_two() -> None:
    """The client and a server send spans. The stack's special paths do not apply."""
    assert expected_processes(Target("https", "example.com", 443, "/lab")) == 2
