"""Which requests are not traced, before a span exists."""

import pytest

from app.middleware.observability.sampling import Sampling


@pytest.mark.parametrize("path", ["/livez", "/shop/readyz"])
def test_health_checks_are_excluded_with_and_without_the_root_path(path: str) -> None:
    """FastAPI asks before the middleware removes ROOT_PATH. A proxy may have removed it already."""
    sampling = Sampling(None, limit=None, root_path="/shop")
    assert sampling.excludes({"type": "http", "path": path, "headers": []})
    assert not sampling.excludes({"type": "http", "path": "/shop/api/products", "headers": []})
