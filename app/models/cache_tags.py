"""Cache tags: names for data that can change, to invalidate its cached reads."""

from typing import Final

PRODUCTS: Final = "products"
"""Every page of the catalogue."""


def user(user_id: int) -> str:
    """Return the tag of an account."""
    return f"user:{user_id}"


def product(product_id: int) -> str:
    """Return the tag of a product."""
    return f"product:{product_id}"


def orders(user_id: int) -> str:
    """Return the tag of a user's orders: each order, and every page."""
    return f"orders:{user_id}"
