"""Which test process runs which tests, and in which order."""

import re

import pytest
from xdist.scheduler import LoadFileScheduling

# The tests in these files share a stack. If two processes ran them, there would be two stacks.
STACK_TESTS = re.compile(
    r"tests/e2e/(page/test_\w+|stack/test_(stack_\w+|openapi)|browser/test_oidc_browser)\.py\b"
)


class StackTestsInOneProcess(LoadFileScheduling):
    """Gives a test process one file at a time. All stack tests count as one file."""

    def _split_scope(self, nodeid: str) -> str:
        return "on one stack" if STACK_TESTS.match(nodeid) else super()._split_scope(nodeid)


def slowest_first(item: pytest.Item) -> tuple[bool, bool, bool]:
    """Return a sort key: slow tests first, so that all processes end at about the same time.

    The tests in `tests/e2e/page` come one after another, because they share a browser.
    """
    path = item.nodeid
    return not STACK_TESTS.match(path), "/e2e/" not in path, "/page/" not in path
