"""The service passes the public audits of the specification "GraphQL over HTTP"."""

import json
from pathlib import Path

import pytest

from tests.clients.node import installed, run
from tests.conftest import StartService

# The service answers 400 to a request that is not well-formed, and refuses mutations with GET. So
# it passes the optional audits (MAY), too.
AUDITS = 61


@pytest.mark.slow
def test_every_audit_passes(start_service: StartService, tmp_path: Path) -> None:
    """The audits are those of `graphql-http`, the reference implementation for JavaScript."""
    service = start_service(GRAPHQL_INTROSPECTION="on")
    directory = installed(Path(__file__).with_name("graphql_audit"), tmp_path)
    results = json.loads(run("node", "audit.js", f"{service.url}/graphql", directory=directory))
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS
