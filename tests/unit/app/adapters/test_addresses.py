"""Which IP addresses are public, and which are loopback addresses."""

import pytest

from app.adapters.oidc.addresses import is_public
from app.settings.origins import is_loopback


@pytest.mark.parametrize("address", ["8.8.8.8", "142.250.74.110", "2a00:1450:400f:80d::200e"])
def test_addresses_of_the_internet_are_public(address: str) -> None:
    """A public address may be IPv4 or IPv6."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - only parsed, not bound
        "10.0.0.1",
        "100.64.0.1",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:10.0.0.1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "2002:a00:1::",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "ff0e::1",
        "2001:db8::1",
    ],
)
def test_other_addresses_are_not_public(address: str) -> None:
    """Each address is private, shared, reserved or multicast, or contains such an IPv4 address."""
    assert not is_public(address)  # check 35


def test_loopback_addresses_are_recognized_in_every_form() -> None:
    """The forms are IPv4, IPv6, and IPv4-mapped IPv6. Other addresses are not recognized."""
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "8.8.8.8", "::")))
