"""The products and the buyers that `make seed` adds."""

import re

from argon2 import PasswordHasher

from lab.seed.catalogue import CATALOGUE
from lab.seed.people import DOMAIN, PASSWORD, PEOPLE, password_hash


def test_every_product_is_valid_for_the_service() -> None:
    """The sku matches the pattern, the name has a valid length, and the price is above zero."""
    for product in CATALOGUE:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", product.sku)
        assert product.name == product.name.strip()
        assert 1 <= len(product.name) <= 100
        assert product.price.as_tuple().exponent == -2
        assert product.price > 0
        assert product.opening_stock > 0


def test_every_product_has_a_unique_sku_and_name() -> None:
    """A later run finds a product's row by the sku. Customers distinguish products by name."""
    assert len({product.sku for product in CATALOGUE}) == len(CATALOGUE)
    assert len({product.name for product in CATALOGUE}) == len(CATALOGUE)
    assert 40 <= len(CATALOGUE) <= 60


def test_every_person_has_a_unique_address_at_the_reserved_domain() -> None:
    """The address is in lower case, as the service stores it. A later run finds the row by it."""
    assert len({person.email for person in PEOPLE}) == len(PEOPLE)
    for person in PEOPLE:
        assert re.fullmatch(rf"[a-z]+\.[a-z]+@{re.escape(DOMAIN)}", person.email)
        assert 1 <= len(person.name) <= 100


def test_the_hash_matches_the_published_password() -> None:
    """The hash is Argon2id, and the password is long enough for a signup."""
    assert PasswordHasher().verify(password_hash(), PASSWORD)
    assert password_hash().startswith("$argon2id$")
    assert len(PASSWORD) >= 15
