"""Which test process gets which tests, and in what order."""

import re

import pytest
from xdist.scheduler import LoadFileScheduling

# These share a stack, which would be started twice if two test processes had some of them each.
ON_ONE_STACK = re.compile(r"tests/e2e/(page/test_\w+|test_(stack_\w+|openapi|oidc_browser))\.py\b")


class FilesOnOneStackTogether(LoadFileScheduling):
    """Gives each test process a file at a time, and one of them all that share the stack."""

    def _split_scope(self, nodeid: str) -> str:
        return "on one stack" if ON_ONE_STACK.match(nodeid) else super()._split_scope(nodeid)


def slowest_first(item: pytest.Item) -> tuple[bool, bool]:
    """Sort by this, so that at the end no test process waits long for another."""
    return not ON_ONE_STACK.match(item.nodeid), "/e2e/" not in item.nodeid
