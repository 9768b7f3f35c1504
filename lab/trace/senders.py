"""The number of processes that send spans of a request, so that `lab trace` waits only for them."""

from typing import Final

from lab.trace.client.target import Target

# The load balancer answers these paths itself or forwards them to the collector. In both cases, the
# request is not traced (deploy/Caddyfile and lab/collector/Caddyfile).
_UNTRACED: Final = ("/lab", "/metrics")
# The load balancer traces these paths, but the service does not (docs/tracing.md).
_HEALTH_CHECKS: Final = frozenset({"/livez", "/readyz"})


def expected_processes(target: Target) -> int:
    """Return the number of processes in a complete trace, including the client."""
    if not target.is_local_stack:
        # The client, and at least one server. If no server sends spans, `lab trace` waits for the
        # maximum time.
        return 2
    if any(target.path == path or target.path.startswith(f"{path}/") for path in _UNTRACED):
        return 1
    return 2 if target.path in _HEALTH_CHECKS else 3
