"""Names for what can change, so that what was read about it can be forgotten."""

from typing import Final

PRODUCTS: Final = "products"
"""The catalogue: every page of it."""


def user(user_id: int) -> str:
    """Name an account."""
    return f"user:{user_id}"


def product(product_id: int) -> str:
    """Name a product."""
    return f"product:{product_id}"


def orders(user_id: int) -> str:
    """Name a user's orders: each of them, and every page."""
    return f"orders:{user_id}"
