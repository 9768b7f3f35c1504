"""Fixtures that build the image, and run the pods of deploy/kubernetes with podman."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pods.pod_stack import PodStack

# The local overlay has no mail server. The tests add one.
MAIL_SETTINGS = {
    "SMTP_URL": "smtp://mail:1025?tls=off",
    "MAIL_FROM": "Roundtrip <roundtrip@shop.example>",
    "PUBLIC_URL": "https://shop.example",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests in this directory, so that only `make pod-test` runs them."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.pod)


@pytest.fixture(scope="session")
def started_stack() -> Iterator[PodStack]:
    """All pods of the local overlay, which all tests share. The migrations have ended."""
    stack = PodStack()
    try:
        stack.prepare(MAIL_SETTINGS)
        for server in ("postgres", "redis"):
            stack.play(server)
            stack.await_ready(server)
        # Kubernetes would repeat the migrations until PostgreSQL is ready. podman does not.
        stack.play("migrate")
        stack.await_end("migrate")
        stack.play("worker")
        (port,) = stack.container_spec("app")["ports"]
        stack.play("app", "--publish", f"127.0.0.1:{stack.app_port}:{port['containerPort']}")
        yield stack
    finally:
        stack.discard()


@pytest.fixture
def stack(started_stack: PodStack) -> PodStack:
    """The shared pods. Pods that a previous test has stopped are started again."""
    for name in ("worker", "app"):
        if not started_stack.inspect(name)["State"]["Running"]:
            started_stack.start_again(name)
    started_stack.await_ready("app")
    return started_stack
