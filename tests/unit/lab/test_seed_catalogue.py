"""The seeded shop's lists: what it sells and who buys."""

import re
from decimal import Decimal

from argon2 import PasswordHasher

from lab.seed.catalogue import CATALOGUE
from lab.seed.people import DOMAIN, PASSWORD, PEOPLE, password_hash


def test_the_catalogue_is_one_that_the_service_would_take() -> None:
    """Skus of its pattern, names that fit, prices with two places above nothing."""
    for product in CATALOGUE:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", product.sku)
        assert product.name == product.name.strip()
        assert 1 <= len(product.name) <= 100
        assert product.price.as_tuple().exponent == -2
        assert product.price > Decimal(0)
        assert product.opening_stock > 0


def test_every_sku_and_every_name_of_a_product_is_there_once() -> None:
    """By the sku a row is known again; a customer tells products apart by the name."""
    assert len({product.sku for product in CATALOGUE}) == len(CATALOGUE)
    assert len({product.name for product in CATALOGUE}) == len(CATALOGUE)
    assert 40 <= len(CATALOGUE) <= 60


def test_every_person_has_an_address_of_their_own_below_a_domain_that_nobody_has() -> None:
    """In lower case, as the service keeps addresses; by it a row is known again."""
    assert len({person.email for person in PEOPLE}) == len(PEOPLE)
    for person in PEOPLE:
        assert re.fullmatch(rf"[a-z]+\.[a-z]+@{re.escape(DOMAIN)}", person.email)
        assert 1 <= len(person.name) <= 100


def test_the_hash_is_one_of_the_password_that_is_told() -> None:
    """Argon2id, and of a password that the service would take at a signup."""
    assert PasswordHasher().verify(password_hash(), PASSWORD)
    assert password_hash().startswith("$argon2id$")
    assert len(PASSWORD) >= 15
