"""How many processes send spans of a request, so that nobody waits for more of them."""

from typing import Final

from lab.trace.target import Target

# The load balancer answers these itself, or has the collector answer, and traces neither
# (deploy/Caddyfile and lab/collector/Caddyfile).
_UNTRACED: Final = ("/lab", "/metrics")
# These the service does not trace (docs/tracing.md), and the load balancer does.
_PROBES: Final = frozenset({"/livez", "/readyz"})


def senders(target: Target) -> int:
    """Return how many processes a whole trace has in it, the client among them."""
    if not target.is_nearby:
        # Of somebody else's servers one is sure, if they are traced at all.
        return 2
    if any(target.path == path or target.path.startswith(f"{path}/") for path in _UNTRACED):
        return 1
    return 2 if target.path in _PROBES else 3
