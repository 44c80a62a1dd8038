"""Which addresses may be called, and how strictly URLs are read."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from hazina.egress.addresses import AddressPolicy
from hazina.egress.target import BadUrl, read_url
from tests.support.evil_urls import NETWORKS, ends_and_middle

PUBLIC = AddressPolicy()


@pytest.mark.parametrize("network", NETWORKS)
def test_special_ranges_are_refused_at_both_ends_and_in_the_middle(network: str) -> None:
    for address in ends_and_middle(network):
        assert not PUBLIC.permits(ip_address(address)), address


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0",
     "126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.167.255.255",
     "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "168.63.129.15",
     "2606:4700::1111", "2a00:1450::1", "2001:200::1", "2001:4860:4860::8888", "2003::1"],
)  # fmt: skip
def test_public_addresses_are_permitted_also_beside_the_ranges(address: str) -> None:
    assert PUBLIC.permits(ip_address(address))


def test_allowed_networks_are_permitted_and_nothing_beside_them() -> None:
    policy = AddressPolicy.reading(["10.1.0.0/16", " fd12::/16", ""])
    assert policy.permits(ip_address("10.1.255.255"))
    assert policy.permits(ip_address("fd12::1"))
    assert not policy.permits(ip_address("10.2.0.0"))
    assert not policy.permits(ip_address("::ffff:10.1.0.1"))


@pytest.mark.parametrize(
    "address",
    ["169.254.169.254", "fe80::1", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255",
     "100.100.100.200", "fd00:ec2::254", "168.63.129.16", "192.0.0.192", "::ffff:169.254.169.254",
     "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::"],
)  # fmt: skip
def test_some_addresses_are_refused_whatever_is_allowed(address: str) -> None:
    everything = AddressPolicy.reading(["0.0.0.0/0", "::/0"])
    assert not everything.permits(ip_address(address))
    assert everything.permits(ip_address("10.0.0.1"))


def test_networks_that_are_none_are_said_to_be_none() -> None:
    with pytest.raises(ValueError, match=r"10\.0\.0\.1/8"):
        AddressPolicy.reading(["10.0.0.1/8"])


def test_a_url_is_read_into_what_is_asked_of_whom() -> None:
    found = read_url("https://Hooks.Example:8443/a/b?c=d&e=%2F#part")
    assert (found.secure, found.host, found.port, found.authority, found.path) == (
        True, "hooks.example", 8443, "hooks.example:8443", "/a/b?c=d&e=%2F",
    )  # fmt: skip
    bare = read_url("http://[2606:4700::1111]?x")
    assert (bare.address, bare.authority, bare.path) == (
        ip_address("2606:4700::1111"), "[2606:4700::1111]", "/?x",
    )  # fmt: skip


@pytest.mark.parametrize(
    "url", ["http://a.example/\n", "http://a.example/\x00", "http://-a.example/", "http://a..b/",
            "http://a.example:65536/",
            "http://" + "a" * 64 + ".example/", "http://a.example/" + "x" * 5_000]
)  # fmt: skip
def test_what_is_no_plain_url_is_refused(url: str) -> None:
    with pytest.raises(BadUrl):
        read_url(url)


def test_the_corpus_names_every_range_that_python_holds_for_private() -> None:
    """A range that a later Python learns of shows up here, and then in our list."""
    named = [ip_network(text) for text in NETWORKS]
    for text in ("10.0.0.1", "127.0.0.1", "192.168.0.1", "169.254.1.1", "fe80::1", "fc00::1"):
        address = ip_address(text)
        assert any(one.version == address.version and address in one for one in named)
