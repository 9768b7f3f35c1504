"""The users of the seeded shop.

The seed owns the users whose email is in this list. It never changes another user. The emails'
domain is reserved (RFC 2606, section 3), and differs from the domain in the README's examples.
"""

from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher

PASSWORD: Final = "half past four, green tea"  # noqa: S105 - it is public.
"""The password of all the seed's users."""

DOMAIN: Final = "seed.example.com"


@dataclass(frozen=True, slots=True)
class Person:
    """A user that the seed adds."""

    name: str
    email: str


# Each user's name, and the local part of the email, which does not always follow from the name.
_NAMES = (
    ("Amara Okafor", "amara.okafor"),
    ("Łukasz Wiśniewski", "lukasz.wisniewski"),
    ("Priya Raman", "priya.raman"),
    ("Mateo Fernández", "mateo.fernandez"),
    ("Ingrid Solberg", "ingrid.solberg"),
    ("王秀英", "xiuying.wang"),
    ("Yusuf Demir", "yusuf.demir"),
    ("Chloé Lefèvre", "chloe.lefevre"),
    ("Tomás Ó Briain", "tomas.obriain"),
    ("佐藤 陽菜", "hina.sato"),
    ("Fatima Zahra El Amrani", "fatima.elamrani"),
    ("João Carvalho", "joao.carvalho"),
    ("Olena Shevchenko", "olena.shevchenko"),
    ("Kwame Mensah", "kwame.mensah"),
    ("Freja Lindqvist", "freja.lindqvist"),
    ("Nguyễn Thị Mai", "mai.nguyen"),
    ("Giulia Conti", "giulia.conti"),
    ("Samuel Adeyemi", "samuel.adeyemi"),
    ("Katarína Nováková", "katarina.novakova"),
    ("Rahul Deshpande", "rahul.deshpande"),
    ("Aoife Kelly", "aoife.kelly"),
    ("김민준", "minjun.kim"),
    ("Leïla Haddad", "leila.haddad"),
    ("Mikkel Sørensen", "mikkel.sorensen"),
    ("Valentina Rojas", "valentina.rojas"),
    ("Jürgen Weiß", "juergen.weiss"),
    ("Noor van den Berg", "noor.vandenberg"),
    ("Tariq Mahmood", "tariq.mahmood"),
    ("Eleni Papadopoulou", "eleni.papadopoulou"),
    ("Anahera Ngata", "anahera.ngata"),
    ("Dmitri Volkov", "dmitri.volkov"),
    ("Siti Nurhaliza", "siti.nurhaliza"),
    ("Björn Eriksson", "bjorn.eriksson"),
    ("Camila Souza", "camila.souza"),
    ("Ethan Walker", "ethan.walker"),
    ("Zanele Dlamini", "zanele.dlamini"),
    ("Piotr Zieliński", "piotr.zielinski"),
    ("محمد الفارسي", "mohammed.alfarsi"),
    ("Hannah Goldberg", "hannah.goldberg"),
    ("Arjun Nair", "arjun.nair"),
    ("Sofía Castillo", "sofia.castillo"),
    ("Emre Şahin", "emre.sahin"),
    ("Maja Kovačević", "maja.kovacevic"),
    ("Thabo Nkosi", "thabo.nkosi"),
    ("Grace Mitchell", "grace.mitchell"),
    ("Ioana Popescu", "ioana.popescu"),
    ("Kenji Watanabe", "kenji.watanabe"),
    ("Marisol Vega", "marisol.vega"),
    ("Oliver Hughes", "oliver.hughes"),
    ("Ayşe Kaya", "ayse.kaya"),
)

HASHER: Final = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)
"""Hashes passwords with the service's parameters."""
PEOPLE: Final = tuple(Person(name, f"{local}@{DOMAIN}") for name, local in _NAMES)
"""All users, in the order in which they signed up."""


def password_hash() -> str:
    """Return a new hash of `PASSWORD` that the service accepts at a login.

    The seed computes the hash itself, because the lab does not import the service, and fifty
    signups over HTTP would exceed the rate limit. If the service's parameters change, the service
    renews a user's hash at the next login. All users share one hash, because their equal passwords
    are no secret.
    """
    return HASHER.hash(PASSWORD)
