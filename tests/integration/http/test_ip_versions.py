"""With the `--host` of the Dockerfile, the service answers on IPv4 and IPv6."""

import re
import socket
from collections.abc import Iterator, Mapping

import httpx2
import pytest

from tests.accounts import signup_body
from tests.integration.wire import access_log_line
from tests.service import CHECKOUT, Service, running_service


@pytest.fixture(scope="module")
def everywhere(
    defaults: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service with the `--host` of the Dockerfile. Each client address may sign up once."""
    (host,) = re.findall(r'"--host", "(.*?)"', (CHECKOUT / "Dockerfile").read_text())
    log = tmp_path_factory.mktemp("everywhere") / "log"
    with running_service(log, {**defaults, "RATE_LIMIT_SIGNUP": "1/hour"}, host=host) as service:
        yield service


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_client_of_each_ip_version_is_answered_and_limited(
    everywhere: Service, address: str
) -> None:
    """The log contains the client's address, to which the rate limit applies."""  # check F33
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError:
        pytest.skip(f"NO IPV6: this machine has no address {address}")
    host = f"[{address}]" if ":" in address else address
    port = everywhere.address()[1]
    with httpx2.Client(base_url=f"http://{host}:{port}", timeout=20) as client:
        responses = [client.post("/api/users", json=signup_body()) for _ in range(2)]
    assert [response.status_code for response in responses] == [201, 429]
    line = access_log_line(everywhere, responses[0].headers["X-Request-ID"])
    assert line["client"] == address
