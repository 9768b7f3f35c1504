"""Fixtures that build the image, and run the pods of deploy/kubernetes with podman."""

from collections.abc import Iterator

import pytest

from tests.pods.pod_stack import PodStack


@pytest.fixture(scope="session")
def started_stack() -> Iterator[PodStack]:
    """All pods of the local overlay, which all tests share. The migrations have ended."""
    stack = PodStack()
    try:
        stack.prepare()
        for server in ("postgres", "redis"):
            stack.play(server)
            stack.await_server(server)
        # Kubernetes would repeat the migrations until PostgreSQL is ready. podman does not.
        stack.play("migrate")
        assert stack.await_end("migrate") == 0, stack.logs("migrate")
        stack.play("worker")
        stack.play("app")
        yield stack
    finally:
        stack.discard()


@pytest.fixture
def stack(started_stack: PodStack) -> PodStack:
    """The shared pods, with a ready app. Pods that a test has stopped are started again."""
    started_stack.start_pod("worker")
    started_stack.start_pod("app")
    started_stack.await_app()
    return started_stack
