"""Judging addresses: public unicast ones are permitted, and what an operator allows besides."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's registries of special-purpose addresses, with multicast and Azure's host service.
_V4_FORBIDDEN = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32",
        "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24",
        "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
    )
)  # fmt: skip
# Of IPv6 only global unicast is in use. What carries an IPv4 address inside (mapped, NAT64, 6to4,
# Teredo) leads elsewhere than it says, and is refused whatever it carries.
_V6_GLOBAL = IPv6Network("2000::/3")
_V6_FORBIDDEN = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
    )
)  # fmt: skip
# No configuration opens these: they answer with credentials, or to everybody at once.
_NEVER: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/32", "100.100.100.200/32", "168.63.129.16/32", "169.254.0.0/16", "192.0.0.192/32",
        "224.0.0.0/4", "255.255.255.255/32",
        "::/128", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32",
        "fd00:ec2::254/128", "fe80::/10", "fec0::/10", "ff00::/8",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Which addresses may be called; `allowed` networks are permitted though they are private.

    Link-local and multicast addresses and the metadata services of clouds stay refused whatever is
    allowed (WH-8).
    """

    allowed: tuple[Network, ...] = ()

    @classmethod
    def reading(cls, texts: Iterable[str]) -> AddressPolicy:
        """Read networks such as `127.0.0.0/8`. Raises `ValueError` with the one that is none."""
        return cls(tuple(ip_network(text.strip()) for text in texts if text.strip()))

    def permits(self, address: Address) -> bool:
        """Say whether this address may be called."""
        if any(_within(address, network) for network in _NEVER):
            return False
        if any(_within(address, network) for network in self.allowed):
            return True
        if isinstance(address, IPv4Address):
            return not any(address in network for network in _V4_FORBIDDEN)
        if address.scope_id is not None or address not in _V6_GLOBAL:
            return False
        return not any(address in network for network in _V6_FORBIDDEN)

    def permits_name(self, host: str) -> bool:
        """Say whether a host name may be asked for; what it resolves to is judged each time."""
        name = host.rstrip(".").lower()
        if name == "localhost" or name.endswith(".localhost"):
            return self.permits(ip_address("127.0.0.1")) or self.permits(ip_address("::1"))
        return True


def _within(address: Address, network: Network) -> bool:
    # Python compares only addresses of one version.
    return address.version == network.version and address in network
