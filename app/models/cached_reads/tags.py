"""Cache tags. A tag names data. A change of this data invalidates all cached reads with the tag."""

from typing import Final

PRODUCTS: Final = "products"
"""The tag of every page of the catalogue."""


def user(user_id: int) -> str:
    """Return the tag of an account."""
    return f"user:{user_id}"


def product(product_id: int) -> str:
    """Return the tag of a product."""
    return f"product:{product_id}"


def orders(user_id: int) -> str:
    """Return the tag of a user's orders. Each single order and each page of the list has it."""
    return f"orders:{user_id}"
